#![allow(missing_docs, clippy::all)]
use std::{sync::Arc, time::Instant};
use axum::{body::{Body,to_bytes}, http::Request};
use flowguard::{admin::Admin, clock::Clock, health::Health, ledger::*, metrics, rest, settings::*, store::MemoryStore};
use limiter::*;
use tower::ServiceExt;
fn mem(key:&str)->u64{ std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l|l.starts_with(key)).unwrap().split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()/1024 }
#[tokio::main]
async fn main(){
  let n:usize=std::env::args().nth(1).unwrap().parse().unwrap();
  let path=std::env::args().nth(2).unwrap();
  let active=std::env::args().nth(3).is_some();
  let clock=Clock::start();
  let ledger=Arc::new(Ledger::new(&UnknownClients::Allow, clock.now()));
  for i in 0..n { let c=ClientConfig{id:ClientId::try_from(format!("client-{i:0>20}").as_str()).unwrap(),limits:Limits{rpm:Some(Limit::new(60).unwrap()),tpm:Some(Limit::new(1000).unwrap())},enabled:true}; ledger.configure(&c,clock.now());
    if active { if let Answer::Admitted(h)=ledger.decide(c.id.as_str(), Tokens::new(1).unwrap(), clock.now()){h.settle(5000)} } }
  let admin=Arc::new(Admin::new(ledger.clone(),Box::new(MemoryStore),clock));
  let before=mem("VmRSS");
  let r= if path=="/metrics" { metrics::router(metrics::registry(ledger.clone(),clock).unwrap(),Health::ready()) } else { rest::router(admin,Health::ready(),&CorsOrigins::None) };
  for _ in 0..2 {
  let t=Instant::now();
  let resp=r.clone().oneshot(Request::get(&path).body(Body::empty()).unwrap()).await.unwrap();
  let took=t.elapsed();
  let b=to_bytes(resp.into_body(),usize::MAX).await.unwrap();
  println!("{n} {path} active={active}: {took:?}, {} MB body, RSS before {before} MB, peak {} MB", b.len()/1_000_000, mem("VmHWM"));
  }
}
