//! Tells a connection when it is at work: from the end of a call's request to its answer.
//!
//! A stream of answers, as of a health watch, is no work once it has begun: it may go on for ever,
//! and who only holds some makes room when all connections are taken.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use crate::{
    http::{ArrivingBody, Work},
    listener::ConnectionInfo,
};

/// Puts [`WorkService`] round a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkLayer;

impl<S> Layer<S> for WorkLayer {
    type Service = WorkService<S>;

    fn layer(&self, service: S) -> WorkService<S> {
        WorkService(service)
    }
}

/// A service whose calls are work.
#[derive(Clone, Debug)]
pub(super) struct WorkService<S>(S);

impl<S, B> Service<Request<Body>> for WorkService<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let connection = request.extensions().get::<ConnectionInfo>();
        let work = connection.map(|connection| Work::on(connection.handle.clone()));
        let request = match &work {
            Some(work) => request.map(|body| Body::new(ArrivingBody::new(body, work))),
            None => request,
        };
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(work);
            answer
        })
    }
}
