//! Every API's bodies, with model text that pretends to be usage, cut everywhere.

mod captures;
mod content;
mod figures;
pub(super) mod frames;
mod listed;
mod shapes;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use shapes::{Figures, Shape, all};

/// Model text that ends up in a wrong place as soon as anything is read carelessly.
const TEXTS: [&str; 12] = [
    "",
    "Hello, 世界 😀",
    r#""usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":99}"#,
    r#""}}],"usage":{"input_tokens":9,"output_tokens":9},"usageMetadata":{"totalTokenCount":9}}"#,
    "\n\ndata: {\"usage\":{\"total_tokens\":9}}\n\n",
    "\r\n\r\ndata:{\"response\":{\"usage\":{\"total_tokens\":9}}}\r\n\r\n",
    "\rdata: [DONE]\r\r: \u{feff}",
    r"\",
    r#"\""#,
    r#"\u0022,"usage":{"total_tokens":9}"#,
    "]}]}{{[[\"[{\"",
    "\u{0}\u{8}\u{c}\u{7f}\u{2028}\u{ffff}",
];

fn known(reader: &UsageReader) -> Option<(Api, u64)> {
    reader.usage().map(|usage| (usage.api, usage.tokens.get()))
}

/// All that a reader answers: the usage, the tokens that were seen, and whether that was all.
type Answer = (Option<(Api, u64)>, u64, bool);

fn answer(reader: &UsageReader) -> Answer {
    (known(reader), reader.observed_tokens(), reader.has_ended())
}

fn read(body: Framing, pieces: &[&[u8]]) -> Answer {
    let mut reader = UsageReader::new(body);
    for piece in pieces {
        reader.read(piece);
    }
    answer(&reader)
}

/// A text as JSON, escaped no more than it must be, and wholly.
fn literals(text: &str) -> [String; 2] {
    let escaped: Vec<_> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    [serde_json::to_string(text).unwrap(), format!("\"{}\"", escaped.concat())]
}

/// Reads byte by byte: all that is ever known, in order, is what the shape says.
fn check_every_prefix(shape: &Shape) {
    let mut reader = UsageReader::new(shape.framing);
    let mut seen = Vec::new();
    for byte in &shape.body {
        reader.read(&[*byte]);
        if let Some(now) = known(&reader)
            && seen.last() != Some(&now)
        {
            seen.push(now);
        }
    }
    assert_eq!(seen, shape.known, "{}: {}", shape.name, shape.text());
}

fn check_every_cut(shape: &Shape) {
    let mut start = UsageReader::new(shape.framing);
    let whole = read(shape.framing, &[&shape.body]);
    assert_eq!(whole.0, shape.known.last().copied(), "{}: {}", shape.name, shape.text());
    for at in 0..=shape.body.len() {
        let (before, after) = shape.body.split_at(at);
        if let Some(byte) = before.last() {
            start.read(&[*byte]);
        }
        let mut rest = start.clone();
        rest.read(after);
        assert_eq!(answer(&rest), whole, "{} after byte {at}: {}", shape.name, shape.text());
    }
}

#[test]
fn a_reader_has_a_fixed_size_below_a_kibibyte() {
    assert_eq!(size_of::<UsageReader>(), 624);
}

#[test]
fn every_shape_is_exact_wherever_it_is_cut() {
    let figures = Figures { prompt: 1_234, output: 567, cached: 89 };
    for text in TEXTS {
        let [plain, escaped] = literals(text);
        for shape in all(&plain, figures) {
            check_every_prefix(&shape);
            check_every_cut(&shape);
        }
        // Cutting takes the square of the length, and these are six times as long.
        for shape in all(&escaped, figures) {
            check_every_prefix(&shape);
        }
    }
}

#[test]
fn a_very_large_event_is_read_through() {
    let text = TEXTS.concat().repeat(2_000);
    for shape in all(&literals(&text)[0], Figures { prompt: 10, output: 20, cached: 5 }) {
        let pieces: Vec<_> = shape.body.chunks(16_384).collect();
        let (known, ..) = read(shape.framing, &pieces);
        assert_eq!(known, shape.known.last().copied(), "{}", shape.name);
    }
}

#[test]
fn white_space_and_a_byte_order_mark_may_come_first() {
    let document = r#"{"model":"a","usage":{"total_tokens":7}}"#;
    let stream = format!("data: {document}\n\n");
    let expected = Some((Api::Completions, 7));
    for start in ["", "\u{feff}", " \t\r\n", "\u{feff}\n\n"] {
        for body in [document, &stream] {
            // A line of an event stream must not be indented.
            let expected = expected.filter(|_| body == document || !start.ends_with(' '));
            let body = format!("{start}{body}");
            let known = expected.into_iter().collect();
            let shape =
                Shape { name: "start", framing: Framing::Text, body: body.into_bytes(), known };
            check_every_prefix(&shape);
            check_every_cut(&shape);
        }
    }
    for start in [" ", "\n\u{feff}"] {
        assert_eq!(read(Framing::Text, &[start.as_bytes(), stream.as_bytes()]), (None, 0, false));
    }
}

#[test]
fn figures_are_read_as_numbers() {
    for (number, expected) in [
        ("7", Some(7)),
        ("7.0", Some(7)),
        ("6.2", Some(7)),
        ("7e0", Some(7)),
        ("100000000", Some(100_000_000)),
        ("100000001", None),
        ("9223372036854775807", None),
        ("1e400", None),
        ("-7", None),
        ("NaN", None),
        ("07", None),
        ("\"7\"", None),
        ("[7]", None),
        ("true", None),
    ] {
        let shape = Shape {
            name: "number",
            framing: Framing::Text,
            body: format!("{{\"usage\":{{\"total_tokens\":{number}}}}}").into_bytes(),
            known: expected.map(|tokens| (Api::Completions, tokens)).into_iter().collect(),
        };
        check_every_prefix(&shape);
        check_every_cut(&shape);
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        select(TEXTS.to_vec()).prop_map(str::to_owned),
        select(vec!["\"", "\\", "{", "}", "[", "]", ",", ":", "\n", "\r", "data:", "usage", " "])
            .prop_map(str::to_owned),
        any::<String>(),
    ];
    vec(fragment, 0..12).prop_map(|fragments| fragments.concat())
}

fn any_figures() -> impl Strategy<Value = Figures> {
    (1_u64..1_000_000, 1_u64..1_000_000, 1_u64..1_000_000)
        .prop_map(|(prompt, output, cached)| Figures { prompt, output, cached })
}

/// Cuts bytes into pieces of the lengths, over and over.
fn pieces<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    for length in lengths.iter().cycle() {
        let (piece, after) = rest.split_at((*length).min(rest.len()));
        pieces.push(piece);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_text_at_any_cuts_leaves_the_usage_exact(
        text in any_text(),
        figures in any_figures(),
        lengths in vec(1_usize..64, 1..20),
    ) {
        for literal in literals(&text) {
            for shape in all(&literal, figures) {
                let cut = read(shape.framing, &pieces(&shape.body, &lengths));
                let whole = read(shape.framing, &[&shape.body]);
                prop_assert_eq!(whole.0, shape.known.last().copied());
                prop_assert_eq!(cut, whole, "{}: {}", shape.name, shape.text());
                check_every_prefix(&shape);
            }
        }
    }

    #[test]
    fn any_bytes_read_the_same_however_they_are_cut(
        bytes in vec(prop_oneof![
            select(br#"{}[]",:\ud0.-e"#.to_vec()),
            select(b"\n\r \xef\xbb\xbf".to_vec()),
            any::<u8>(),
        ], 1..200),
        start in select(vec![
            "",
            "{\"usage\":{",
            "data: {\"type\":\"a\",\"usage\":{\"total_tokens\":",
            "data: {\"delta\":{\"a\":\"",
            "\0\0\0\x30\0\0\0\x02",
        ]),
        body in select(vec![Framing::Text, Framing::JsonLines, Framing::AmazonFrames]),
        lengths in vec(1_usize..9, 1..20),
    ) {
        let bytes = [start.as_bytes(), &bytes].concat();
        prop_assert_eq!(read(body, &pieces(&bytes, &lengths)), read(body, &[&bytes]));
    }
}
