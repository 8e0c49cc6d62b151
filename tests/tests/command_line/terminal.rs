//! At a terminal: what asks, and what fills the screen.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};

use harness::deadline::eventually;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::world::{Shell, World};

/// A terminal, and what runs in it.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn run(shell: &Shell, arguments: &[&str]) -> Self {
        let pty = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&pty).expect("a terminal");
        unlockpt(&pty).expect("a terminal");
        let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&pty, size).expect("its size");
        let name = ptsname(&pty, Vec::new()).expect("its name");
        let name = name.to_str().expect("UTF-8").to_owned();
        let other_end =
            || OpenOptions::new().read(true).write(true).open(&name).expect("its other end");
        let mut command = shell.command(arguments);
        command
            .stdin(other_end())
            .stdout(other_end())
            .stderr(other_end())
            .env("TERM", "xterm-256color");
        let child = command.spawn().expect("flowguard runs");
        drop(command);
        let keyboard = File::from(pty);
        let mut output = keyboard.try_clone().expect("a file");
        let screen = Arc::<Mutex<Vec<u8>>>::default();
        let seen = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut piece = [0; 4_096];
            // The other end is gone: EIO.
            while let Ok(read) = output.read(&mut piece) {
                seen.lock().expect("no panic").extend_from_slice(&piece[..read]);
            }
        });
        Self { child, keyboard, screen }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Every byte that came.
    fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("no panic")).into_owned()
    }

    /// What is to be seen now.
    fn text(&self) -> String {
        let mut parser = vt100::Parser::new(24, 120, 0);
        parser.process(self.bytes().as_bytes());
        parser.screen().contents()
    }

    async fn shows(&self, text: &str) {
        eventually(&format!("{text} on the screen"), || {
            let is_there = self.text().contains(text).then_some(());
            async move { is_there }
        })
        .await;
    }

    async fn ends(&mut self) -> ExitStatus {
        eventually("the end of the command", || {
            let status = self.child.try_wait().expect("its state");
            async move { status }
        })
        .await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sits_there_is_asked_before_something_is_gone() {
    let world = World::start().await;
    world.printed(&["clients", "set", "acme", "--rpm", "1", "--tpm", "1"]).await;
    let delete = ["clients", "delete", "acme"];
    for (keys, code) in [("n\n", 130), ("\n", 130), ("\u{3}", 130), ("y\n", 0)] {
        let left = world.printed(&["clients", "list", "-o", "name"]).await;
        assert_eq!(left, "acme\n", "before {keys:?}");
        let mut terminal = Terminal::run(&world.shell, &delete);
        terminal.shows("Delete client acme? [y/N] ").await;
        if keys == "\u{3}" {
            // Nobody's foreground: the signal that the key makes is sent in its place.
            let id = rustix::process::Pid::from_child(&terminal.child);
            rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
        } else {
            terminal.types(keys);
        }
        assert_eq!(terminal.ends().await.code(), Some(code), "{keys:?}: {}", terminal.text());
    }
    assert_eq!(world.printed(&["clients", "list", "-o", "name"]).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn top_fills_the_screen_until_q_or_ctrl_c() {
    let world = World::start().await;
    world.printed(&["clients", "set", "acme", "--rpm", "60", "--tpm", "1000"]).await;
    for (keys, code) in [("q", 0), ("\u{3}", 130)] {
        let mut terminal = Terminal::run(&world.shell, &["top", "--interval", "1"]);
        terminal.shows("acme").await;
        terminal.types("/zzz");
        terminal.shows("/zzz▏ Enter: keep").await;
        terminal.shows("0 clients").await;
        terminal.types("\u{1b}");
        terminal.shows("1 client").await;
        terminal.types("s");
        terminal.shows("s sort: refused").await;
        terminal.types(" ");
        terminal.shows("paused").await;
        terminal.types(keys);
        assert_eq!(terminal.ends().await.code(), Some(code), "{}", terminal.text());
        // What it wrote last is read when it has ended already.
        eventually("the screen that was there before", || {
            let is_back = terminal.bytes().contains("\u{1b}[?1049l").then_some(());
            async move { is_back }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn top_of_a_server_that_is_out_of_reach_leaves_the_screen_alone() {
    let shell = Shell::new(Some("http://127.0.0.1:1"));
    let mut terminal = Terminal::run(&shell, &["top"]);
    assert_eq!(terminal.ends().await.code(), Some(69));
    terminal.shows("is out of reach: ").await;
    assert!(!terminal.bytes().contains("\u{1b}[?1049h"), "{}", terminal.bytes());
}
