//! Who asks, through a real Envoy: by a key, by a claim that Envoy has verified, by a certificate.

mod certificate_bytes;
mod certificates;
mod keys;
mod sdks;
mod secrecy;
mod spoofing;
mod tokens;
mod world;
