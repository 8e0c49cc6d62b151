//! Who asks, through a real Envoy: by a key, by a claim that Envoy has verified, by a certificate.

mod spoofing;
mod tokens;
mod world;
