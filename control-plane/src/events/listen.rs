//! Where listeners come: for the first of them it is begun to look at figures.

use std::sync::Arc;

use super::{Events, NoPlace, Subscriber, Wish, sampler};

impl Events {
    /// Somebody listens from now on, or goes on behind the last event that they heard. While all
    /// places are taken nobody else can.
    pub async fn listen(
        self: &Arc<Self>,
        wish: Wish,
        heard: Option<&str>,
    ) -> Result<Subscriber, NoPlace> {
        let wish = Arc::new(wish);
        let seat = self.sit_down(&wish)?;
        if self.begin_looking(&wish) {
            sampler::start(Arc::clone(self));
        }
        self.wait_until_seen(&wish).await;
        Ok(Subscriber::new(seat, wish, heard))
    }
}
