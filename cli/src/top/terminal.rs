//! The terminal: what is typed and polled, in turn.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt as _;
use ratatui::DefaultTerminal;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval_at},
};

use super::{Key, Look, Sample, State, draw, state::Next};
use crate::{
    failure::{Failure, Usage},
    session::Session,
};

/// Shows it until somebody has seen enough.
pub(crate) async fn run(look: Look, session: &Session) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Usage::NoTerminal("top").into());
    }
    let started = Instant::now();
    let mut state = State::new(session.connection.server().to_string(), &look);
    // Whoever is refused, or reaches nobody, is told so before the screen is cleared.
    state.take(Sample::ask(session, started.elapsed()).await?);
    // One that is not taken yet is enough: what is newer waits for it.
    let (sender, samples) = mpsc::channel(1);
    let polling = tokio::spawn(poll(session.clone(), started, look.interval(), sender));
    let terminal = ratatui::try_init().map_err(Failure::Process)?;
    let outcome = show(terminal, &mut state, samples).await;
    ratatui::restore();
    polling.abort();
    outcome
}

type Looked = Result<Sample, String>;

async fn poll(
    session: Session,
    started: Instant,
    interval: Duration,
    sender: mpsc::Sender<Looked>,
) {
    let mut ticks = interval_at(tokio::time::Instant::now() + interval, interval);
    // A server that answers slowly is not asked more often afterwards.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sample = Sample::ask(&session, started.elapsed()).await;
        if sender.send(sample.map_err(|failure| failure.to_string())).await.is_err() {
            return;
        }
    }
}

async fn show(
    mut terminal: DefaultTerminal,
    state: &mut State,
    mut samples: mpsc::Receiver<Looked>,
) -> Result<(), Failure> {
    let mut events = EventStream::new();
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::Process)?;
    loop {
        terminal.draw(|frame| draw(frame, state)).map_err(Failure::Stdout)?;
        tokio::select! {
            Some(looked) = samples.recv() => match looked {
                Ok(sample) => state.take(sample),
                Err(trouble) => state.fail(trouble),
            },
            event = events.next() => match event {
                Some(Ok(Event::Key(key))) => match Key::of(key).map(|key| state.key(key)) {
                    Some(Next::Quit) => return Ok(()),
                    Some(Next::Interrupt) => return Err(Failure::Interrupted),
                    Some(Next::GoOn) | None => {}
                },
                // The terminal has another size: it is drawn again.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Failure::Process(error)),
                // The terminal is gone.
                None => return Err(Failure::Interrupted),
            },
            _ = terminated.recv() => return Err(Failure::Interrupted),
        }
    }
}
