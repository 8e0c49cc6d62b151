//! The load is an open loop: each request is sent at its time, however long the ones before it
//! take, as independent users would. What bounds it is told instead of hidden: a request that finds
//! too many unanswered ones is not sent, and counted as such.

use std::io;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::client::{self, Client};
use super::error::LoadError;
use super::options::Options;
use super::report::{Ended, Report, Sender};
use super::requests::Requests;
use super::standing::{self, Standing};
use super::tally::{Outcome, Tally};

/// Connections that may wait for an answer: each is an open file, of which a process has 1024.
const UNANSWERED_MAX: usize = 512;

/// Sends the load until each request has its outcome, or until Ctrl-C or SIGTERM.
pub(crate) async fn run(options: Options) -> Result<Report, LoadError> {
    let client = Client::new();
    let requests = Requests::new(&options).expect("options are validated when they are read");
    let mut senders = Vec::new();
    for id in requests.clients() {
        let limits = client.limits(&options.rest_api(), id).await?;
        senders.push(Sender { id: id.clone(), limits });
    }
    let before = standings(&client, &options, &senders).await?;
    client::probe(&options.proxy()).await?;
    let started = Instant::now();
    let mut tally = Tally::default();
    let progress = progress_bar(options.requests.get().into());
    let ended = tokio::select! {
        () = send(&client, &requests, &options, &mut tally, &progress) => Ended::Done,
        () = interrupted() => Ended::Interrupted,
    };
    let elapsed = started.elapsed();
    progress.finish_and_clear();
    let after = standings(&client, &options, &senders).await;
    let standings = after.map(|after| {
        before.iter().zip(after).map(|(before, after)| standing::since(before, after)).collect()
    });
    Ok(Report {
        senders,
        requests: options.requests.get(),
        tokens: options.tokens,
        tally,
        standings,
        elapsed,
        ended,
    })
}

/// The limits beside its own that apply to each of them.
async fn standings(
    client: &Client,
    options: &Options,
    senders: &[Sender],
) -> Result<Vec<Vec<Standing>>, LoadError> {
    let mut standings = Vec::new();
    for sender in senders {
        standings.push(client.standings(&options.rest_api(), &sender.id).await?);
    }
    Ok(standings)
}

async fn send(
    client: &Client,
    requests: &Requests,
    options: &Options,
    tally: &mut Tally,
    progress: &ProgressBar,
) {
    let answer_timeout = options.answer_timeout();
    let mut unanswered: JoinSet<(usize, Outcome)> = JoinSet::new();
    let mut count = |(client, outcome): (usize, Outcome)| {
        tally.add(client, outcome);
        progress.inc(1);
        progress.set_message(format!("{} admitted", tally.admitted()));
    };
    let started = tokio::time::Instant::now();
    for number in 0..options.requests.get() {
        #[expect(clippy::disallowed_methods, reason = "paces requests by the clock")]
        let due = sleep_until(started + options.rate.due(number));
        tokio::pin!(due);
        loop {
            tokio::select! {
                biased;
                Some(outcome) = unanswered.join_next() => {
                    count(outcome.expect("sending does not panic"));
                }
                () = &mut due => break,
            }
        }
        let sent = requests.numbered(number);
        if unanswered.len() < UNANSWERED_MAX {
            let (client, sent) = (client.clone(), sent.clone());
            unanswered.spawn(async move { (sent.client, client.send(sent, answer_timeout).await) });
        } else {
            count((sent.client, Outcome::NotSent));
        }
    }
    while let Some(outcome) = unanswered.join_next().await {
        count(outcome.expect("sending does not panic"));
    }
}

/// A bar on standard error, drawn only when that is a terminal.
fn progress_bar(requests: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}, {msg}, {eta} left");
    ProgressBar::new(requests)
        .with_style(style.expect("the template is a constant"))
        .with_message("0 admitted")
}

/// Returns when Ctrl-C or SIGTERM arrives; never, where they can't be watched and end the process.
async fn interrupted() {
    let watch = || -> io::Result<_> {
        Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    };
    let Ok((mut interrupt, mut terminate)) = watch() else { return std::future::pending().await };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
