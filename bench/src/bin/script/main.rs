//! `cargo xtask bench --store`: what the shared store's script takes of the server's time, alone on a
//! real server: a table of microseconds a call, by limits of a request and requests of a call.

use std::{error::Error, fmt::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use flowguard::store::shared::{
    StoreUrl,
    client::{Client, Target},
    script::SCRIPT,
};
use flowguard_bench::bare_script::{Clients, Cost, Load};
use harness::redis::{Kind, Redis};

/// What to measure.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench --store")]
struct Options {
    /// Calls of each cell of the table
    #[arg(long, default_value_t = 3_000)]
    calls: u32,
    /// Measure on Valkey
    #[arg(long)]
    valkey: bool,
    /// Measure another script than the one that is in force
    #[arg(long)]
    script: Option<PathBuf>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let kind = if options.valkey { Kind::Valkey } else { Kind::Redis };
    let redis = Redis::start(kind, &[]).await;
    let url = StoreUrl::parse(&format!("redis://{}", redis.address()))?;
    let target = Target::plain(url.topology);
    let script = match &options.script {
        Some(path) => std::fs::read_to_string(path)?,
        None => SCRIPT.to_owned(),
    };
    let client = Client::connect_with(&target, "{bench}:", CONNECT_TIMEOUT, &script).await?;

    for keeps_notes in [false, true] {
        let beside = if keeps_notes { ", each remembered until its end" } else { "" };
        println!(
            "microseconds of {kind:?} a call: the script, all of the server's thread (the script for \
             one request){beside}\n"
        );
        println!("| limits | 1 request | 16 | 64 | 64 of one client |");
        println!("|---|---|---|---|---|");
        for limits in [1, 2, 4, 8] {
            let mut row = format!("| {limits} ");
            for (asks, clients) in [
                (1, Clients::Distinct),
                (16, Clients::Distinct),
                (64, Clients::Distinct),
                (64, Clients::One),
            ] {
                let load = Load { limits, asks, clients, keeps_notes };
                match load.measure(&redis, &client, options.calls).await? {
                    Some(Cost { script_us, cpu_us }) => {
                        let each_us = script_us / f64::from(asks);
                        write!(row, "| {script_us:.0}, {cpu_us:.0} ({each_us:.2}) ")?;
                    }
                    None => row += "| more than a call may ",
                }
            }
            println!("{row}|");
        }
        println!();
    }
    Ok(())
}
