//! What an operator sees and does: REST, gRPC, metrics, and the servers that answer them.

mod access;
mod audit;
mod backup;
mod connections;
mod console;
mod console_script;
mod description;
mod explain;
mod grpc;
mod http_bodies;
mod http_server;
mod keys;
mod limit_stats;
mod lists;
mod metrics;
mod pages;
mod past;
mod patch;
mod preview;
mod reset;
mod rest;
mod rest_errors;
mod rest_fuzz;
mod rules;
mod several;
mod sharing;
mod store;
#[path = "../../build/stripped.rs"]
mod stripped;
mod system;
mod whole;
mod world;
