//! The mock LLM as a program: an upstream that needs no key and no internet.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clap::Parser;
use mock_llm::{HELP, State, serve};
use tokio::net::TcpListener;

/// A local stand-in for the APIs of OpenAI, Anthropic and Gemini.
#[derive(Debug, Parser)]
#[command(name = "mock-llm", version, after_help = HELP)]
struct Options {
    /// The port to listen on; 0: any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let address = SocketAddr::new(options.bind, options.port);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("can't listen on {address}: {error}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    serve(listener, Arc::new(State::default())).await;
    Ok(())
}
