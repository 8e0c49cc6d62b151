//! TLS on the control plane's ports: the files, the handshakes, and who is let in.

mod files;
mod handshakes;
mod strangers;
mod watch;
mod world;
