//! The picture of `top` in the README, made by a real run:
//! `BLESS=1 cargo xtask test the_picture_of_top`.

use std::fmt::Write as _;
use std::time::Duration;

use flowguard_cli::Connection;
use flowguard_cli::top::{Figures, Look, Sample, Sort, State, draw};
use harness::TestStack;
use harness::tools;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use serde_json::json;

const PICTURE: &str = "docs/top.svg";

const COLUMNS: u16 = 116;

/// Who asks: how often, with how many tokens, of which limits.
const CLIENTS: [(&str, u32, u64, u64, u64); 5] = [
    ("acme", 30, 100, 60, 100_000),
    ("batch", 12, 900, 600, 6_000),
    ("checkout", 9, 40, 120, 20_000),
    ("research", 15, 300, 10, 50_000),
    ("support", 3, 20, 30, 1_000),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_of_top_is_of_a_real_run() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    for (id, _, _, rpm, tpm) in CLIENTS {
        admin.put_client(id, rpm, tpm).await;
    }
    admin
        .put_limit("org", &json!({"match": {"client": "acme"}, "requests": 20, "per": "1m"}))
        .await;

    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    let connection = Connection::plain(&format!("http://{}", stack.control_plane.rest_address()));
    let connection = connection.expect("a server");
    let look = Look { interval: 2, sort: Sort::Requests, filter: String::new() };
    for (id, requests, tokens, _, _) in CLIENTS {
        let path = format!("/v1/chat/completions?total_tokens={tokens}");
        let mut used = 0;
        for _ in 0..requests {
            let answer =
                stack.proxy().post(&path).client(id).tokens(tokens).json(&body).send().await;
            match answer.status.as_u16() {
                200 => used += tokens,
                status => assert_eq!(status, 429, "{}", answer.text()),
            }
        }
        admin.wait_for_tokens_used(id, used).await;
    }
    // As if it had taken two seconds, from nothing on: the picture is the same at any speed.
    let at = |seconds| Duration::from_secs(seconds);
    let sample = Sample::take(&connection, at(2)).await.expect("an answer");
    let before = sample.clients.keys().map(|id| (id.clone(), Figures::default())).collect();
    let mut state = State::new("http://localhost:9091/".to_owned(), &look);
    state.take(Sample { at: at(0), clients: before });
    state.take(sample);

    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, 12)).expect("a terminal");
    terminal.draw(|frame| draw(frame, &state)).expect("it is drawn");
    let buffer = terminal.backend().buffer();
    let text = text_of(buffer);
    for (id, ..) in CLIENTS {
        assert!(text.contains(id), "{text}");
    }
    assert!(text.contains("org 5.0/s"), "{text}");
    let file = tools::workspace().join(PICTURE);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, svg(buffer)).expect("the picture can be written");
    }
    let kept = std::fs::read_to_string(&file).expect("the picture is there");
    // Balances refill while it runs; who is refused by what does not.
    for line in text.lines().take(3) {
        for word in line.split_whitespace() {
            assert!(
                kept.contains(&escaped(word)),
                "{word} is not in {PICTURE}: renew it by BLESS=1"
            );
        }
    }
}

fn text_of(buffer: &Buffer) -> String {
    let (width, height) = (buffer.area.width, buffer.area.height);
    (0..height)
        .map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>() + "\n")
        .collect()
}

/// Pixels of a character.
const WIDTH: u32 = 8;
const HEIGHT: u32 = 18;

/// What is on the screen, as a picture: runs of one style are a text each.
fn svg(buffer: &Buffer) -> String {
    let (columns, rows) = (u32::from(buffer.area.width), u32::from(buffer.area.height));
    let (width, height) = ((columns + 2) * WIDTH, (rows + 1) * HEIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"13\" xml:space=\"preserve\">\n\
         <title>flowguard top</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let style = (buffer[(x, y)].fg, buffer[(x, y)].modifier);
            let from = x;
            let mut text = String::new();
            while x < buffer.area.width && (buffer[(x, y)].fg, buffer[(x, y)].modifier) == style {
                text.push_str(buffer[(x, y)].symbol());
                x += 1;
            }
            if text.trim().is_empty() {
                continue;
            }
            let (left, base) = ((u32::from(from) + 1) * WIDTH, u32::from(y) * HEIGHT + HEIGHT + 4);
            let length = u32::from(x - from) * WIDTH;
            let weight =
                if style.1.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
            writeln!(
                svg,
                "<text x=\"{left}\" y=\"{base}\" textLength=\"{length}\" fill=\"{}\"{weight}>{}</text>",
                color(style.0),
                escaped(&text)
            )
            .expect("a string takes all");
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn color(color: Color) -> &'static str {
    match color {
        Color::Red => "#ff7b72",
        Color::Yellow => "#d29922",
        Color::Green => "#3fb950",
        Color::DarkGray => "#8b949e",
        _ => "#e6edf3",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
