//! How it looks.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Cell, Paragraph, Row as Cells, Table},
};

use super::{Row, Share, Sort, State, state::refusals};
use crate::message::in_one_line;

/// Characters of a bar.
const BAR: u16 = 10;

/// A bar, a space and the part in percent.
const HEADROOM: u16 = BAR + 5;

/// The columns: who, three rates, what is left of two limits, and what refuses.
const COLUMNS: usize = 7;
const CLIENT: u16 = 12;
const RATE: u16 = 8;
const BY: u16 = 14;
const WIDTHS: [u16; COLUMNS] = [CLIENT, RATE, RATE, RATE, HEADROOM, HEADROOM, BY];
const GAP: u16 = 2;

/// Which of them matter most.
const BY_WEIGHT: [usize; COLUMNS] = [0, 1, 2, 4, 5, 3, 6];

/// Where little is left a bar is yellow, and red where nearly nothing is.
const LITTLE: f64 = 0.5;
const NEARLY_NOTHING: f64 = 0.15;

const DIM: Style = Style::new().fg(Color::DarkGray);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const RED: Style = Style::new().fg(Color::Red);

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let rows = state.rows();
    let [head, by, list, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Min(2),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(summary(state, &rows)), head);
    frame.render_widget(Paragraph::new(refused_by_line(&refusals(&rows))), by);
    frame.render_widget(table(state, &rows, list), list);
    frame.render_widget(Paragraph::new(foot_line(state)), foot);
}

fn summary(state: &State, rows: &[Row<'_>]) -> Line<'static> {
    let sum = |rate: fn(&Row<'_>) -> f64| rows.iter().map(rate).sum::<f64>();
    let refused = sum(|row| row.refused);
    let count =
        if rows.len() == 1 { "1 client".to_owned() } else { format!("{} clients", rows.len()) };
    let mut spans = vec![
        Span::styled("flowguard top", BOLD),
        Span::raw(format!("  {}  {count}  ", in_one_line(state.server()))),
        Span::styled(format!("{} requests/s", rate(sum(|row| row.requests))), BOLD),
        Span::raw("  "),
        Span::styled(
            format!("{} refused/s", rate(refused)),
            if refused > 0.0 { RED } else { Style::new() },
        ),
        Span::raw(format!("  {} tokens/s", rate(sum(|row| row.tokens)))),
    ];
    if state.is_paused() {
        spans.push(Span::styled("  paused", Style::new().fg(Color::Yellow)));
    }
    Line::from(spans)
}

fn refused_by_line(refusals: &[(&str, f64)]) -> Line<'static> {
    if refusals.is_empty() {
        return Line::from(Span::styled("nobody is refused", DIM));
    }
    let by: Vec<_> = refusals.iter().map(|(name, by)| format!("{name} {}/s", rate(*by))).collect();
    Line::from(vec![Span::raw("refused by  "), Span::styled(in_one_line(&by.join("  ")), RED)])
}

fn foot_line(state: &State) -> Line<'static> {
    if let Some(trouble) = state.trouble() {
        return Line::from(Span::styled(in_one_line(trouble), RED));
    }
    let (filter, is_typed) = state.filter();
    if is_typed {
        return Line::from(format!("/{}▏ Enter: keep  Esc: all", in_one_line(filter)));
    }
    let filter =
        if filter.is_empty() { String::new() } else { format!(" {}", in_one_line(filter)) };
    let text = format!(
        "q quit  s sort: {}  / filter{filter}  space {}  ↑↓ scroll",
        sort_name(state.sort()),
        if state.is_paused() { "go on" } else { "pause" }
    );
    Line::from(Span::styled(text, DIM))
}

fn sort_name(sort: Sort) -> &'static str {
    match sort {
        Sort::Requests => "requests",
        Sort::Refused => "refused",
        Sort::Tokens => "tokens",
        Sort::Headroom => "headroom",
        Sort::Name => "name",
    }
}

fn table<'a>(state: &State, rows: &[Row<'a>], area: Rect) -> Table<'a> {
    let seen = usize::from(area.height.saturating_sub(1));
    // The last page is full, where there is more than one.
    let first = state.first().min(rows.len().saturating_sub(seen));
    let shown = rows.iter().skip(first).take(seen).map(|row| {
        let refused = if row.refused > 0.0 { RED } else { DIM };
        let by: Vec<_> =
            row.refused_by.iter().map(|(name, by)| format!("{name} {}/s", rate(*by))).collect();
        let cells = [
            Cell::from(in_one_line(row.id)),
            number(rate(row.requests), Style::new()),
            number(rate(row.refused), refused),
            number(rate(row.tokens), Style::new()),
            Cell::from(bar(row.rpm)),
            Cell::from(bar(row.tpm)),
            Cell::from(Span::styled(in_one_line(&by.join("  ")), RED)),
        ];
        Cells::new(fitting(cells, area.width))
    });
    let widths = WIDTHS.map(|width| match width {
        CLIENT | BY => Constraint::Min(width),
        width => Constraint::Length(width),
    });
    let right = |title: &'static str| Cell::from(Line::from(title).right_aligned());
    let titles = [
        Cell::from("CLIENT"),
        right("REQ/S"),
        right("REF/S"),
        right("TOKENS/S"),
        Cell::from("RPM LEFT"),
        Cell::from("TPM LEFT"),
        Cell::from("REFUSED BY"),
    ];
    let titles = Cells::new(fitting(titles, area.width)).style(BOLD);
    Table::new(shown, fitting(widths, area.width)).header(titles).column_spacing(GAP)
}

/// Of all columns those that have room, what matters less left out first.
fn fitting<T>(columns: [T; COLUMNS], width: u16) -> impl Iterator<Item = T> {
    let mut used = 0;
    let mut fit = [false; COLUMNS];
    for at in BY_WEIGHT {
        if let (Some(wide), Some(fits)) = (WIDTHS.get(at), fit.get_mut(at)) {
            let gap = if used == 0 { 0 } else { GAP };
            // A column that has no room leaves none for those that matter less.
            used += gap + wide;
            *fits = used <= width || used == *wide;
        }
    }
    columns.into_iter().zip(fit).filter_map(|(column, fits)| fits.then_some(column))
}

fn number(text: String, style: Style) -> Cell<'static> {
    Cell::from(Line::from(Span::styled(text, style)).right_aligned())
}

/// What is left, as a bar and in percent; a debt is told as one.
fn bar(share: Option<Share>) -> Line<'static> {
    let Some(share) = share else {
        return Line::from(Span::styled("no limit", DIM));
    };
    let part = share.part();
    let color = match part {
        part if part < NEARLY_NOTHING => Color::Red,
        part if part < LITTLE => Color::Yellow,
        _ => Color::Green,
    };
    let full = (0..BAR).filter(|at| f64::from(*at) + 0.5 < part * f64::from(BAR)).count();
    let text = if share.left < 0 { "debt".to_owned() } else { format!("{:3.0}%", part * 100.0) };
    Line::from(vec![
        Span::styled("█".repeat(full), Style::new().fg(color)),
        Span::styled("░".repeat(usize::from(BAR) - full), DIM),
        Span::styled(format!(" {text}"), Style::new().fg(color)),
    ])
}

/// A rate in six characters at most.
fn rate(rate: f64) -> String {
    match rate {
        rate if rate < 0.05 => "0".to_owned(),
        rate if rate < 999.95 => format!("{rate:.1}"),
        rate if rate < 999_950.0 => format!("{:.1}k", rate / 1e3),
        rate if rate < 999_950_000.0 => format!("{:.1}M", rate / 1e6),
        rate => format!("{:.1}G", rate / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::{Terminal, backend::TestBackend};

    use super::{
        super::{Figures, Key, Look, Sample},
        *,
    };

    fn state(filter: &str) -> State {
        let look = Look { interval: 2, sort: Sort::Requests, filter: filter.to_owned() };
        let mut state = State::new("http://localhost:9091/".to_owned(), &look);
        let figures = |requests, refused, left| Figures {
            requests,
            refused,
            tokens: requests * 100,
            refused_by: [("rpm".to_owned(), refused)].into(),
            group: None,
            rpm: Some(Share { left, limit: 100 }),
            tpm: None,
        };
        for (seconds, times) in [(0, 0), (2, 1)] {
            let clients = [
                ("acme".to_owned(), figures(40 * times, 4 * times, 3)),
                (
                    "b".to_owned(),
                    Figures { tpm: Some(Share { left: -5, limit: 9 }), ..figures(times, 0, 77) },
                ),
            ];
            state.take(Sample { at: Duration::from_secs(seconds), clients: clients.into() });
        }
        state
    }

    fn drawn(state: &State, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        let buffer = terminal.backend().buffer();
        let lines = (0..height).map(|y| {
            let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
            line.trim_end().to_owned() + "\n"
        });
        lines.collect()
    }

    #[test]
    fn who_asks_what_is_left_and_what_refuses_is_seen() {
        assert_eq!(
            drawn(&state(""), 110, 7),
            "\
flowguard top  http://localhost:9091/  2 clients  20.5 requests/s  2.0 refused/s  2.0k tokens/s
refused by  rpm 2.0/s

CLIENT                     REQ/S     REF/S  TOKENS/S  RPM LEFT         TPM LEFT         REFUSED BY
acme                        20.0       2.0      2.0k  ░░░░░░░░░░   3%  no limit         rpm 2.0/s
b                            0.5         0      50.0  ████████░░  77%  ░░░░░░░░░░ debt
q quit  s sort: requests  / filter  space pause  ↑↓ scroll
"
        );
    }

    #[test]
    fn a_narrow_terminal_has_whole_columns_or_none() {
        for (width, titles) in [
            (92, "CLIENT REQ/S REF/S TOKENS/S RPM LEFT TPM LEFT REFUSED BY"),
            (91, "CLIENT REQ/S REF/S TOKENS/S RPM LEFT TPM LEFT"),
            (60, "CLIENT REQ/S REF/S RPM LEFT"),
            (22, "CLIENT REQ/S"),
            (14, "CLIENT"),
        ] {
            let text = drawn(&state(""), width, 7);
            let line = text.lines().nth(3).unwrap();
            let words: Vec<_> = line.split_whitespace().collect();
            assert_eq!(words.join(" "), titles, "{width}: {text}");
        }
    }

    #[test]
    fn any_terminal_is_large_enough() {
        let mut state = state("a");
        for (width, height) in [(1, 1), (20, 3), (300, 2)] {
            drawn(&state, width, height);
        }
        state.key(Key::Char(' '));
        let text = drawn(&state, 120, 6);
        assert!(text.contains("  paused") && text.contains("/ filter a  space go on"), "{text}");
        state.key(Key::Char('/'));
        assert!(drawn(&state, 120, 6).contains("/a▏"));
        state.fail("away\u{1b}".to_owned());
        assert!(drawn(&state, 120, 6).contains("away\\u{1b}"));
    }

    #[test]
    fn a_rate_has_six_characters_at_most() {
        for (number, told) in [
            (0.0, "0"),
            (0.049, "0"),
            (0.5, "0.5"),
            (999.9, "999.9"),
            (999.96, "1.0k"),
            (12_345.0, "12.3k"),
            (5e8, "500.0M"),
            (1e10, "10.0G"),
        ] {
            assert_eq!(rate(number), told);
        }
    }
}
