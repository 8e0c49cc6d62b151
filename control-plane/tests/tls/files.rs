//! What is said of files that are not in order: exit 64, and one line without a byte of a key.

use std::{
    fs,
    process::Command,
    time::{Duration, SystemTime},
};

use harness::pki::Authority;

use crate::world::World;

/// What a control plane says that is started with these files, by their names in the world's
/// folder.
fn refusal(world: &World, settings: &[(&str, &str)]) -> String {
    let files = settings.iter().map(|(name, file)| (*name, world.file(file)));
    let output = Command::new(env!("CARGO_BIN_EXE_flowguard"))
        .env_clear()
        .env("DATA_DIR", "memory")
        .envs(files)
        .output()
        .expect("flowguard runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(64), "{settings:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let folder = world.file("");
    said.trim_end().replace(folder.to_str().expect("text"), "")
}

#[track_caller]
fn check(world: &World, cert: &str, key: &str, line: &str) {
    let said = refusal(world, &[("TLS_CERT_FILE", cert), ("TLS_KEY_FILE", key)]);
    assert!(said.starts_with(line), "{said}");
    let secret = world.pair.key.lines().nth(1).expect("a key has lines");
    assert!(!said.contains(&secret[..16]), "{said}");
}

#[test]
fn a_file_that_is_worth_nothing_alone_is_refused() {
    let world = World::new();
    for (settings, given, missing) in [
        (&[("TLS_CERT_FILE", "cert.pem")][..], "TLS_CERT_FILE", "TLS_KEY_FILE"),
        (&[("TLS_KEY_FILE", "key.pem")], "TLS_KEY_FILE", "TLS_CERT_FILE"),
        (&[("TLS_CLIENT_CA_FILE", "cert.pem")], "TLS_CLIENT_CA_FILE", "TLS_CERT_FILE"),
        (&[("ENVOY_CERT_FILE", "cert.pem")], "ENVOY_CERT_FILE", "ENVOY_KEY_FILE"),
        (&[("ENVOY_KEY_FILE", "key.pem")], "ENVOY_KEY_FILE", "ENVOY_CERT_FILE"),
        (
            &[("ENVOY_CERT_FILE", "cert.pem"), ("ENVOY_KEY_FILE", "key.pem")],
            "ENVOY_CERT_FILE",
            "CONTROL_PLANE_CA_FILE",
        ),
    ] {
        let line = format!("{given} without {missing} is not allowed: set both, or neither");
        assert_eq!(refusal(&world, settings), line);
    }
}

#[test]
fn a_certificate_or_a_key_that_is_wrong_is_refused_with_what_is_wrong() {
    let world = World::new();
    let write = |name: &str, text: &str| fs::write(world.file(name), text).expect("written");
    write("empty.pem", "");
    write("damaged.pem", &world.pair.cert.replacen("MII", "!!!", 1));
    write("half.pem", &world.pair.cert[..world.pair.cert.len() / 2]);
    write("half-key.pem", &world.pair.key[..world.pair.key.len() / 2]);
    write("large.pem", &"x".repeat((1 << 20) + 1));
    write("other-key.pem", &world.authority.issue(&["localhost"]).key);
    write("encrypted.pem", &world.pair.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    let header = "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n";
    write("encrypted-too.pem", &world.pair.key.replacen("KEY-----\n", header, 1));
    write("unknown.pem", "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n");
    let second = Duration::from_secs(1);
    let (now, day) = (SystemTime::now(), 86_400 * second);
    let expired = world.authority.issue_valid(&["localhost"], now - 2 * day, now - day);
    write("expired.pem", &expired.cert);
    let future = world.authority.issue_valid(&["localhost"], now + day, now + 2 * day);
    write("future.pem", &future.cert);

    for (cert, line) in [
        ("missing.pem", "TLS_CERT_FILE=missing.pem cannot be read: No such file"),
        ("", "TLS_CERT_FILE= is no file: name one in PEM"),
        ("empty.pem", "TLS_CERT_FILE=empty.pem has no certificate in PEM"),
        ("damaged.pem", "TLS_CERT_FILE=damaged.pem has no certificate in PEM"),
        ("half.pem", "TLS_CERT_FILE=half.pem has no certificate in PEM"),
        ("key.pem", "TLS_CERT_FILE=key.pem has no certificate in PEM"),
        ("large.pem", "TLS_CERT_FILE=large.pem is longer than 1048576 bytes"),
        ("expired.pem", "TLS_CERT_FILE=expired.pem has expired at 20"),
        ("future.pem", "TLS_CERT_FILE=future.pem is not valid before 20"),
    ] {
        check(&world, cert, "key.pem", line);
    }
    for (key, line) in [
        ("missing.pem", "TLS_KEY_FILE=missing.pem cannot be read: No such file"),
        ("cert.pem", "TLS_KEY_FILE=cert.pem has no private key in PEM"),
        ("half-key.pem", "TLS_KEY_FILE=half-key.pem has no private key in PEM"),
        ("encrypted.pem", "TLS_KEY_FILE=encrypted.pem has an encrypted key"),
        ("encrypted-too.pem", "TLS_KEY_FILE=encrypted-too.pem has an encrypted key"),
        ("unknown.pem", "TLS_KEY_FILE=unknown.pem has a key that is not supported"),
        (
            "other-key.pem",
            "TLS_KEY_FILE=other-key.pem is not the key of the certificate in TLS_CERT_FILE=cert.pem",
        ),
    ] {
        check(&world, "cert.pem", key, line);
    }
}

#[test]
fn an_authority_of_callers_that_is_wrong_is_refused_with_what_is_wrong() {
    let world = World::new();
    fs::write(world.file("empty.pem"), "").expect("written");
    let (now, day) = (SystemTime::now(), Duration::from_hours(24));
    let expired = Authority::valid("expired", now - 2 * day, now - day);
    fs::write(world.file("expired.pem"), expired.pem()).expect("written");
    for (file, line) in [
        ("missing.pem", "TLS_CLIENT_CA_FILE=missing.pem cannot be read: No such file"),
        ("empty.pem", "TLS_CLIENT_CA_FILE=empty.pem has no certificate in PEM"),
        ("key.pem", "TLS_CLIENT_CA_FILE=key.pem has no certificate in PEM"),
        ("expired.pem", "TLS_CLIENT_CA_FILE=expired.pem has expired at 20"),
    ] {
        let said = refusal(
            &world,
            &[
                ("TLS_CERT_FILE", "cert.pem"),
                ("TLS_KEY_FILE", "key.pem"),
                ("TLS_CLIENT_CA_FILE", file),
            ],
        );
        assert!(said.starts_with(line), "{said}");
    }
}
