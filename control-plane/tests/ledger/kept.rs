//! What is told of decisions that are kept: it is a list of what was decided, and no more and no less.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use flowguard::ledger::{
    Answer, Ask, DecisionCursor, DecisionPage, DecisionsKept, End, HISTORY_MINUTES, HistoryPoint,
    KeptDecision, Ledger, ManualClock, RequestKind, UnknownClients, Unread, Worker, WorkerId,
};
use futures_util::FutureExt as _;
use limiter::{Tokens, UnixMillis, Wait};
use proptest::{collection::vec, prelude::*};

use super::world::{NOW, config, limit, response, with_unknown_clients};

const IDS: [&str; 4] = ["one", "two", "nobody", "stranger"];
const MODELS: [Option<&str>; 3] = [None, Some("gpt-4o"), Some("claude")];
const MINUTE_MS: u64 = 60_000;

/// Of a build without optimizations, on a processor that others use too.
const ONE_SECOND: Duration = Duration::from_secs(1);

/// The worker whose filter is in shadow.
const IN_SHADOW: u128 = 1;

/// So few that a short history wraps the ring: a segment is a decision, and 64 are kept.
const FEW: [u64; 4] = [1, 65, 300, 5_000];

/// So many at a time that a page ends within a segment and between two.
const AT_A_TIME: [usize; 3] = [1, 7, 1_000];

#[derive(Clone, Debug)]
enum Step {
    Ask { worker: u128, client: usize, tokens: u64, model: usize },
    End { which: usize, how: How },
    Wait { ms: u64 },
    Delete { client: usize },
    Create { client: usize },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Used(u64),
    Canceled,
    Lost,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![
        4 => (0..900_u64).prop_map(How::Used),
        1 => Just(How::Canceled),
        1 => Just(How::Lost)
    ];
    let asks = (0..2_u128, 0..IDS.len(), 0..200_u64, 0..MODELS.len());
    prop_oneof![
        10 => asks.prop_map(|(worker, client, tokens, model)| Step::Ask { worker, client, tokens, model }),
        6 => (0..12_usize, how).prop_map(|(which, how)| Step::End { which, how }),
        3 => (1..30_000_u64).prop_map(|ms| Step::Wait { ms }),
        1 => (0..2_usize).prop_map(|client| Step::Delete { client }),
        2 => (0..2_usize).prop_map(|client| Step::Create { client }),
    ]
}

/// A ledger, and a list of what it decided.
struct Both {
    ledger: Ledger,
    clock: ManualClock,
    now: u64,
    workers: [Arc<Worker>; 2],
    decided: Vec<Decided>,
    /// Which of them are under way, each with its worker and its number there.
    open: Vec<(usize, u128, u32)>,
    asked: u32,
}

#[derive(Clone, Debug)]
struct Decided {
    client: &'static str,
    told: KeptDecision,
}

impl Both {
    fn new(kept: u64) -> Self {
        let clock = ManualClock::at(NOW);
        let unknown = UnknownClients::Shared { rpm: limit(30), tpm: limit(2_000) };
        let ledger = Ledger::new(with_unknown_clients(unknown), clock.clone());
        let ledger = ledger.keeping(DecisionsKept { max: kept });
        let workers = [0, IN_SHADOW].map(|worker| {
            let of_ledger = ledger.join(WorkerId(worker));
            of_ledger.set_in_shadow(worker == IN_SHADOW);
            of_ledger
        });
        let (decided, open) = (Vec::new(), Vec::new());
        let both = Self { ledger, clock, now: NOW.0, workers, decided, open, asked: 0 };
        for client in 0..2 {
            both.create(client);
        }
        both
    }

    fn create(&self, client: usize) {
        self.ledger.configure(&config(IDS[client], limit(40), limit(3_000)));
    }

    fn worker(&self, worker: u128) -> &Worker {
        &self.workers[usize::from(worker == IN_SHADOW)]
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask { worker, client, tokens, model } => self.ask(worker, client, tokens, model),
            Step::End { which, how } => self.end(which, how),
            Step::Wait { ms } => {
                self.now += ms;
                self.clock.set(UnixMillis(self.now));
            }
            Step::Delete { client } => {
                self.ledger.remove(IDS[client]);
            }
            Step::Create { client } => self.create(client),
        }
    }

    fn ask(&mut self, worker: u128, client: usize, tokens: u64, model: usize) {
        self.asked += 1;
        let (id, client) = (self.asked, IDS[client]);
        let estimate = Tokens::new(tokens).ok();
        let kind = RequestKind::Generates;
        let ask = Ask { id, client, estimate, kind, model: MODELS[model] };
        let answers = self.ledger.decide(self.worker(worker), &[ask]).now_or_never();
        let answer = answers.expect("local balances are ready at once").remove(0);
        self.worker(worker).told();
        let (reserved, refusal) = match answer {
            Answer::Admitted { reserved, .. } => (reserved, None),
            Answer::Refused { reserved, refusal, .. } => {
                (reserved, Some((Arc::from(refusal.limit.as_str()), refusal.wait)))
            }
            other => panic!("nobody is denied: {other:?}"),
        };
        let is_admitted = refusal.is_none();
        if is_admitted {
            self.open.push((self.decided.len(), worker, id));
        }
        let is_configured = self.ledger.config(client).is_some();
        self.decided.push(Decided {
            client: if is_configured { client } else { "unknown" },
            told: KeptDecision {
                at: UnixMillis(self.now),
                is_admitted,
                in_shadow: worker == IN_SHADOW,
                model: MODELS[model].map(Arc::from),
                reserved,
                refusal,
                ended: None,
                used: None,
            },
        });
    }

    fn end(&mut self, which: usize, how: How) {
        if self.open.is_empty() {
            return;
        }
        let (place, worker, id) = self.open.remove(which % self.open.len());
        let decided = &mut self.decided[place].told;
        let (end, used) = match how {
            How::Used(tokens) => {
                let used = Tokens::new(tokens).expect("few tokens");
                (End::Settled(response(Some(used))), used)
            }
            How::Canceled => (End::Canceled, Tokens::ZERO),
            How::Lost => (End::Lost, decided.reserved),
        };
        (decided.ended, decided.used) = (Some(UnixMillis(self.now)), Some(used));
        let ended = self.ledger.end(self.worker(worker), vec![(id, end)]).now_or_never();
        assert_eq!(ended.map(|ended| ended.len()), Some(1));
    }

    /// All decisions over a client that are told, a page at a time.
    fn told(&self, client: &str, at_a_time: usize) -> Vec<KeptDecision> {
        let (mut told, mut cursor): (_, Option<DecisionCursor>) = (Vec::new(), None);
        loop {
            let page = self.page(client, cursor.as_ref(), at_a_time);
            assert!(page.decisions.len() <= at_a_time);
            assert!(page.next.is_none() || page.decisions.len() == at_a_time);
            told.extend(page.decisions);
            let Some(next) = page.next else { return told };
            cursor = Some(next.to_string().parse().expect("a cursor"));
        }
    }

    fn page(
        &self,
        client: &str,
        cursor: Option<&DecisionCursor>,
        at_a_time: usize,
    ) -> DecisionPage {
        self.ledger.decisions_of(client, cursor, at_a_time).expect("they are kept")
    }

    /// The same by the list, the newest first.
    fn listed(&self, client: &str) -> Vec<KeptDecision> {
        let of = self.decided.iter().rev().filter(|decided| decided.client == client);
        of.map(|decided| decided.told.clone()).collect()
    }

    fn check(&self, at_a_time: usize) -> Result<(), TestCaseError> {
        for client in ["one", "two", "unknown"] {
            let is_there = client == "unknown" || self.ledger.config(client).is_some();
            if !is_there {
                let page = self.ledger.decisions_of(client, None, at_a_time);
                prop_assert_eq!(page.err(), Some(Unread::NoClient));
                prop_assert_eq!(self.ledger.history_of(client).err(), Some(Unread::NoClient));
                continue;
            }
            let (told, listed) = (self.told(client, at_a_time), self.listed(client));
            let oldest = self.page(client, None, 1).oldest;
            prop_assert!(told.len() <= listed.len());
            let (kept, gone) = listed.split_at(told.len());
            prop_assert_eq!(&told, kept, "{}", client);
            prop_assert!(gone.iter().all(|gone| gone.at <= oldest), "{:?} {:?}", gone, oldest);
            self.check_history(client, oldest)?;
        }
        Ok(())
    }

    fn check_history(&self, client: &str, oldest: UnixMillis) -> Result<(), TestCaseError> {
        let history = self.ledger.history_of(client).expect("they are kept");
        let last = self.now / MINUTE_MS;
        let from = last - (HISTORY_MINUTES as u64 - 1);
        prop_assert_eq!((history.from.0, history.oldest), (from * MINUTE_MS, oldest));
        let first = from.max(oldest.0 / MINUTE_MS);
        let minutes: Vec<_> = history.points.iter().map(|point| point.at.0 / MINUTE_MS).collect();
        prop_assert_eq!(minutes, (first..=last).collect::<Vec<_>>());
        let standing = self.ledger.decisions_standing().expect("they are kept");
        let is_whole = standing.count == self.decided.len() as u64;
        let counted = self.counted(client);
        for point in &history.points {
            let none = HistoryPoint { at: point.at, ..HistoryPoint::default() };
            let expected = counted.get(&(point.at.0 / MINUTE_MS)).unwrap_or(&none);
            // Of the minute in which the oldest was made some may be gone.
            if point.at > oldest || is_whole {
                prop_assert_eq!(point, expected, "{}", client);
            } else {
                prop_assert!(point.requests <= expected.requests, "{:?} {:?}", point, expected);
                prop_assert!(point.used <= expected.used, "{:?} {:?}", point, expected);
            }
        }
        Ok(())
    }

    /// The minutes by the list.
    fn counted(&self, client: &str) -> BTreeMap<u64, HistoryPoint> {
        let mut minutes = BTreeMap::<u64, HistoryPoint>::new();
        let mut at = |at: UnixMillis, count: &dyn Fn(&mut HistoryPoint)| {
            let minute = at.0 / MINUTE_MS;
            let point = minutes.entry(minute).or_default();
            point.at = UnixMillis(minute * MINUTE_MS);
            count(point);
        };
        for Decided { told, .. } in self.decided.iter().filter(|of| of.client == client) {
            at(told.at, &|point| {
                point.requests += 1;
                match (told.is_admitted, told.in_shadow) {
                    (true, _) => point.reserved += told.reserved.get(),
                    (false, true) => point.refused_in_shadow += 1,
                    (false, false) => point.refused += 1,
                }
            });
            if let (Some(ended), Some(used)) = (told.ended, told.used) {
                at(ended, &|point| point.used += used.get());
            }
        }
        minutes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn decisions_and_history_are_what_a_list_of_all_that_was_decided_says(
        kept in prop::sample::select(FEW.to_vec()),
        at_a_time in prop::sample::select(AT_A_TIME.to_vec()),
        steps in vec(step(), 1..600),
    ) {
        let mut both = Both::new(kept);
        for (n, step) in steps.iter().enumerate() {
            both.step(step);
            if n % 150 == 149 {
                both.check(at_a_time)?;
            }
        }
        both.check(at_a_time)?;
        let standing = both.ledger.decisions_standing().expect("they are kept");
        let all = both.decided.len() as u64;
        prop_assert_eq!(standing.max, kept);
        // 64 segments, and the one that is open.
        prop_assert!(standing.count <= all.min(kept.div_ceil(64) * 65));
        prop_assert!(standing.count >= all.min(kept.saturating_sub(kept.div_ceil(64))));
    }

    #[test]
    fn a_page_goes_on_where_the_one_before_ended_whatever_is_decided_meanwhile(
        before in vec(step(), 60..200),
        between in vec(step(), 1..20),
    ) {
        let mut both = Both::new(5_000);
        for step in &before {
            both.step(step);
        }
        let then = both.listed("unknown");
        let (mut told, mut cursor) = (Vec::new(), None);
        loop {
            let page = both.page("unknown", cursor.as_ref(), 5);
            told.extend(page.decisions);
            let Some(next) = page.next else { break };
            cursor = Some(next);
            for step in &between {
                both.step(step);
            }
        }
        // Ends may have come meanwhile.
        let asked = |all: Vec<KeptDecision>| -> Vec<_> {
            all.into_iter().map(|of| (of.at, of.reserved, of.refusal)).collect()
        };
        prop_assert_eq!(asked(told), asked(then));
    }
}

#[test]
fn a_cursor_of_another_process_is_refused_and_one_of_what_is_gone_is_the_end() {
    let mut both = Both::new(64);
    let ask = Step::Ask { worker: 0, client: 0, tokens: 1, model: 0 };
    for _ in 0..3 {
        both.step(&ask);
    }
    let cursor = both.page("one", None, 1).next.expect("there are more");
    for _ in 0..200 {
        both.step(&ask);
    }
    let page = both.page("one", Some(&cursor), 10);
    assert_eq!((page.decisions.len(), page.next), (0, None), "they fell off");

    let other = Both::new(64);
    other.clock.set(UnixMillis(NOW.0 + 1));
    let later = Ledger::new(with_unknown_clients(UnknownClients::Allow), other.clock.clone());
    let later = later.keeping(DecisionsKept { max: 64 });
    let refused = later.decisions_of("unknown", Some(&cursor), 10);
    assert_eq!(refused.err(), Some(Unread::OtherProcess));
}

#[test]
fn where_none_is_kept_none_is_told_and_where_strangers_are_denied_none_of_theirs() {
    let world = super::World::of(&[config("client", limit(1), None)]);
    assert_eq!(world.ledger.decisions_standing(), None);
    assert_eq!(world.ledger.decisions_of("client", None, 1).err(), Some(Unread::NotKept));
    assert_eq!(world.ledger.history_of("client").err(), Some(Unread::NotKept));
    assert_eq!(world.ledger.history_of("unknown").err(), Some(Unread::NoClient));
}

#[test]
fn of_a_request_that_never_fits_it_is_told_that_no_wait_helps() {
    let mut both = Both::new(100);
    both.ask(0, 0, 3_001, 1);
    let told = both.told("one", 10);
    assert_eq!(told[0].refusal, Some((Arc::from("tpm"), Wait::Never)));
    assert_eq!((told[0].verdict(), told[0].duration_ms(), told[0].used), ("refused", None, None));
    both.ask(0, 0, 3_000, 1);
    both.step(&Step::Wait { ms: 1_234 });
    both.end(0, How::Used(20));
    let told = both.told("one", 1);
    assert_eq!((told[0].verdict(), told[0].duration_ms()), ("passed", Some(1_234)));
    assert_eq!(told[0].used, Tokens::new(20).ok());
}

/// As many as are kept where nobody says otherwise, of one client or of many, all of them of the last hour.
#[test]
#[ignore = "takes a minute"]
fn of_a_million_that_are_kept_a_page_and_an_hour_are_told_in_less_than_a_second() {
    const KEPT: u32 = 1_000_000;
    for clients in [1, 1_000] {
        let clock = ManualClock::at(NOW);
        let policy = with_unknown_clients(UnknownClients::Deny);
        let ledger = Ledger::new(policy, clock.clone());
        let ledger = ledger.keeping(DecisionsKept { max: KEPT.into() });
        let ids: Vec<_> = (0..clients).map(|n| format!("client-{n}")).collect();
        for id in &ids {
            ledger.configure(&config(id, None, limit(1_000_000)));
        }
        let worker = ledger.join(WorkerId(0));
        for (id, client) in (0..KEPT + KEPT / 64).zip(ids.iter().cycle()) {
            clock.set(UnixMillis(NOW.0 + u64::from(id)));
            let (estimate, kind) = (Tokens::new(1).ok(), RequestKind::Generates);
            let ask = Ask { id, client, estimate, kind, model: None };
            ledger.decide(&worker, &[ask]).now_or_never().expect("at once");
            let ends = vec![(id, End::Settled(response(None)))];
            ledger.end(&worker, ends).now_or_never().expect("at once");
        }
        let began = Instant::now();
        let page = ledger.decisions_of("client-0", None, 1_000).expect("they are kept");
        let (page_took, began) = (began.elapsed(), Instant::now());
        let history = ledger.history_of("client-0").expect("they are kept");
        let history_took = began.elapsed();
        println!("{clients} clients: a page in {page_took:?}, an hour in {history_took:?}");
        assert_eq!(page.decisions.len(), 1_000);
        let requests: u64 = history.points.iter().map(|point| point.requests).sum();
        assert!(
            (KEPT / clients..=2 * KEPT / clients).contains(&u32::try_from(requests).expect("few"))
        );
        assert!(page_took < ONE_SECOND && history_took < ONE_SECOND);
    }
}
