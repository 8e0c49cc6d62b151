//! What is known, what of it is to be seen, and what keys do to that.

use std::{cmp::Ordering, collections::BTreeMap, time::Duration};

use super::{Key, Look, Sample, Share, Sort};

/// What is typed after this is not taken: no id is longer.
const FILTER_CHARS_MAX: usize = 128;

/// How far a page key goes.
const PAGE: usize = 20;

/// What `top` shows.
#[derive(Clone, Debug)]
pub struct State {
    server: String,
    /// Rates are what happened between these two.
    before: Option<Sample>,
    latest: Option<Sample>,
    trouble: Option<String>,
    sort: Sort,
    filter: String,
    is_filter_typed: bool,
    is_paused: bool,
    first: usize,
}

/// One client as it is shown.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "as in `Figures`, where rates are per second")]
pub struct Row<'a> {
    pub id: &'a str,
    pub requests: f64,
    pub refused: f64,
    pub tokens: f64,
    pub rpm: Option<Share>,
    pub tpm: Option<Share>,
    /// What refused it, the most first.
    pub refused_by: Vec<(&'a str, f64)>,
}

/// What is to be done after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Quit,
    Interrupt,
}

impl State {
    /// Nothing is known of this server yet.
    pub fn new(server: String, look: &Look) -> Self {
        Self {
            server,
            before: None,
            latest: None,
            trouble: None,
            sort: look.sort,
            filter: look.filter.clone(),
            is_filter_typed: false,
            is_paused: false,
            first: 0,
        }
    }

    /// This is how it is now. While it is paused nothing moves.
    pub fn take(&mut self, sample: Sample) {
        self.trouble = None;
        if !self.is_paused {
            self.before = self.latest.replace(sample);
        }
    }

    /// The server could not be asked; what is shown stays.
    pub(super) fn fail(&mut self, trouble: String) {
        self.trouble = Some(trouble);
    }

    /// What a key means.
    pub(super) fn key(&mut self, key: Key) -> Next {
        if key == Key::Interrupt {
            return Next::Interrupt;
        }
        if self.is_filter_typed {
            self.type_filter(key);
            return Next::GoOn;
        }
        match key {
            Key::Char('q') => return Next::Quit,
            Key::Char('s') => self.sort = self.sort.next(),
            Key::Char('p' | ' ') => self.is_paused = !self.is_paused,
            Key::Char('/') => self.is_filter_typed = true,
            Key::Escape => self.filter.clear(),
            Key::Up | Key::Char('k') => self.first = self.first.saturating_sub(1),
            Key::Down | Key::Char('j') => self.first += 1,
            Key::PageUp => self.first = self.first.saturating_sub(PAGE),
            Key::PageDown => self.first += PAGE,
            Key::Home => self.first = 0,
            Key::End => self.first = usize::MAX,
            Key::Char(_) | Key::Enter | Key::Backspace | Key::Interrupt => {}
        }
        let last = self.shown_ids().count().saturating_sub(1);
        self.first = self.first.min(last);
        Next::GoOn
    }

    fn type_filter(&mut self, key: Key) {
        match key {
            Key::Char(character) if self.filter.chars().count() < FILTER_CHARS_MAX => {
                self.filter.push(character);
            }
            Key::Backspace => {
                self.filter.pop();
            }
            Key::Enter => self.is_filter_typed = false,
            Key::Escape => {
                self.filter.clear();
                self.is_filter_typed = false;
            }
            _ => {}
        }
        self.first = 0;
    }

    fn shown_ids(&self) -> impl Iterator<Item = &str> {
        let clients = self.latest.iter().flat_map(|sample| &sample.clients);
        let clients = clients.filter(|(id, figures)| {
            let is_in = |text: &str| text.contains(&self.filter);
            is_in(id) || figures.group.as_deref().is_some_and(is_in)
        });
        clients.map(|(id, _)| id.as_str())
    }

    /// Who is to be seen, in their order.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<_> = self.shown_ids().filter_map(|id| self.row(id)).collect();
        let most_first = |a: f64, b: f64| b.total_cmp(&a);
        rows.sort_by(|a, b| {
            let order = match self.sort {
                Sort::Requests => most_first(a.requests, b.requests),
                Sort::Refused => most_first(a.refused, b.refused),
                Sort::Tokens => most_first(a.tokens, b.tokens),
                Sort::Headroom => a.headroom().total_cmp(&b.headroom()),
                Sort::Name => Ordering::Equal,
            };
            order.then_with(|| a.id.cmp(b.id))
        });
        rows
    }

    fn row<'a>(&'a self, id: &'a str) -> Option<Row<'a>> {
        let latest = self.latest.as_ref()?;
        let now = latest.clients.get(id)?;
        let before = self.before.as_ref();
        let then = before.and_then(|sample| sample.clients.get(id));
        let time = before.map_or(Duration::ZERO, |before| latest.at.saturating_sub(before.at));
        // A client that was not there before began at 0; a server that began anew too.
        let rate = |now: u64, then: Option<u64>| match (before, then) {
            (None, _) => 0.0,
            (Some(_), then) => per_second(now.saturating_sub(then.unwrap_or_default()), time),
        };
        let mut refused_by: Vec<_> = now
            .refused_by
            .iter()
            .map(|(name, count)| {
                let then = then.and_then(|then| then.refused_by.get(name)).copied();
                (name.as_str(), rate(*count, then))
            })
            .filter(|(_, rate)| *rate > 0.0)
            .collect();
        refused_by.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        Some(Row {
            id,
            requests: rate(now.requests, then.map(|then| then.requests)),
            refused: rate(now.refused, then.map(|then| then.refused)),
            tokens: rate(now.tokens, then.map(|then| then.tokens)),
            rpm: now.rpm,
            tpm: now.tpm,
            refused_by,
        })
    }

    /// Who is asked.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    pub(super) fn sort(&self) -> Sort {
        self.sort
    }

    /// What is looked for, and whether it is being typed.
    pub(super) fn filter(&self) -> (&str, bool) {
        (&self.filter, self.is_filter_typed)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Which row is the first to be seen.
    pub(super) fn first(&self) -> usize {
        self.first
    }
}

impl Row<'_> {
    /// The least that is left of either; somebody without a limit has all.
    pub(super) fn headroom(&self) -> f64 {
        let parts = [self.rpm, self.tpm].into_iter().flatten();
        parts.map(Share::part).fold(1.0, f64::min)
    }
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Requests => Self::Refused,
            Self::Refused => Self::Tokens,
            Self::Tokens => Self::Headroom,
            Self::Headroom => Self::Name,
            Self::Name => Self::Requests,
        }
    }
}

/// All refusals of these rows, by what refused, the most first.
pub(super) fn refusals<'a>(rows: &[Row<'a>]) -> Vec<(&'a str, f64)> {
    let mut by: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, rate) in rows.iter().flat_map(|row| &row.refused_by) {
        *by.entry(name).or_default() += rate;
    }
    let mut by: Vec<_> = by.into_iter().collect();
    by.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    by
}

#[allow(clippy::cast_precision_loss, reason = "it is shown with one digit behind the point")]
fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::{super::Figures, *};

    fn look() -> Look {
        Look { interval: 2, sort: Sort::Requests, filter: String::new() }
    }

    fn figures(requests: u64, refused: u64, tokens: u64, left: i64) -> Figures {
        Figures {
            requests,
            refused,
            tokens,
            refused_by: [("rpm".to_owned(), refused), ("org".to_owned(), refused / 2)].into(),
            group: Some("org/team".to_owned()),
            rpm: Some(Share { left, limit: 100 }),
            tpm: None,
        }
    }

    fn sample(seconds: u64, clients: &[(&str, Figures)]) -> Sample {
        let clients = clients.iter().map(|(id, figures)| ((*id).to_owned(), figures.clone()));
        Sample { at: Duration::from_secs(seconds), clients: clients.collect() }
    }

    fn state() -> State {
        let mut state = State::new("http://h".to_owned(), &look());
        state.take(sample(10, &[("a", figures(100, 10, 50, 90)), ("b", figures(0, 0, 0, 10))]));
        state.take(sample(
            14,
            &[
                ("a", figures(140, 18, 50, 80)),
                ("b", figures(8, 0, 400, 5)),
                ("c", figures(4, 4, 0, 50)),
            ],
        ));
        state
    }

    fn ids(state: &State) -> Vec<&str> {
        state.rows().iter().map(|row| row.id).collect()
    }

    #[test]
    fn rates_are_what_happened_between_two_looks() {
        let state = state();
        let rows = state.rows();
        assert_eq!((rows[0].id, rows[0].requests, rows[0].refused), ("a", 10.0, 2.0));
        assert_eq!(rows[0].refused_by, [("rpm", 2.0), ("org", 1.0)]);
        assert_eq!((rows[1].id, rows[1].tokens), ("b", 100.0));
        assert_eq!(rows[1].refused_by, []);
        assert_eq!((rows[2].id, rows[2].requests), ("c", 1.0));
        assert_eq!(refusals(&rows), [("rpm", 3.0), ("org", 1.5)]);
    }

    #[test]
    fn the_first_look_and_a_server_that_began_anew_have_no_rates() {
        let mut state = State::new(String::new(), &look());
        state.take(sample(10, &[("a", figures(100, 10, 50, 90))]));
        assert_eq!((state.rows()[0].requests, state.rows()[0].refused_by.len()), (0.0, 0));
        state.take(sample(12, &[("a", figures(1, 0, 0, 100))]));
        assert!(state.rows()[0].requests.abs() < f64::EPSILON);
    }

    #[test]
    fn s_sorts_by_each_in_turn() {
        let mut state = state();
        for order in
            [["a", "c", "b"], ["b", "a", "c"], ["b", "c", "a"], ["a", "b", "c"], ["a", "b", "c"]]
        {
            assert_eq!(state.key(Key::Char('s')), Next::GoOn);
            assert_eq!(ids(&state), order, "{:?}", state.sort());
        }
        assert_eq!(state.sort(), Sort::Requests);
    }

    #[test]
    fn a_filter_is_typed_and_taken_back() {
        let mut state = state();
        state.key(Key::Char('/'));
        for character in "bq".chars() {
            state.key(Key::Char(character));
        }
        assert_eq!((ids(&state), state.filter()), (vec![], ("bq", true)));
        state.key(Key::Backspace);
        state.key(Key::Enter);
        assert_eq!((ids(&state), state.filter()), (vec!["b"], ("b", false)));
        state.key(Key::Escape);
        assert_eq!(ids(&state).len(), 3);
        for character in "/org/team".chars() {
            state.key(Key::Char(character));
        }
        assert_eq!(ids(&state).len(), 3, "a group is found too");
        state.key(Key::Escape);
        assert_eq!(state.filter(), ("", false));
    }

    #[test]
    fn what_is_paused_does_not_move_and_goes_on_with_the_time_between() {
        let mut state = state();
        state.key(Key::Char(' '));
        assert!(state.is_paused());
        state.take(sample(16, &[]));
        assert_eq!(ids(&state), ["a", "b", "c"]);
        state.key(Key::Char('p'));
        state.take(sample(24, &[("a", figures(160, 18, 50, 80))]));
        assert_eq!((ids(&state), state.rows()[0].requests), (vec!["a"], 2.0));
    }

    #[test]
    fn a_list_is_scrolled_to_its_ends_and_not_beyond() {
        let mut state = state();
        for (key, first) in [
            (Key::Up, 0),
            (Key::Down, 1),
            (Key::End, 2),
            (Key::Down, 2),
            (Key::PageUp, 0),
            (Key::PageDown, 2),
            (Key::Home, 0),
        ] {
            state.key(key);
            assert_eq!(state.first(), first, "{key:?}");
        }
    }

    #[test]
    fn q_ends_it_and_ctrl_c_too_while_a_filter_is_typed() {
        let mut state = state();
        assert_eq!(state.key(Key::Char('q')), Next::Quit);
        state.key(Key::Char('/'));
        assert_eq!(state.key(Key::Char('q')), Next::GoOn);
        assert_eq!(state.key(Key::Interrupt), Next::Interrupt);
    }

    #[test]
    fn trouble_is_told_until_the_server_answers_again() {
        let mut state = state();
        state.fail("away".to_owned());
        assert_eq!((state.trouble(), state.rows().len()), (Some("away"), 3));
        state.take(sample(20, &[]));
        assert_eq!(state.trouble(), None);
    }
}
