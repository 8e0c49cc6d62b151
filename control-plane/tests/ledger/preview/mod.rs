//! What was decided of late, decided again: where nothing is supposed every verdict is repeated, and where
//! something is, it is what a fresh ledger decides that is asked and told the same.

mod forgotten;
mod history;
mod idle;
mod racing;
mod reference;
mod repeated;
mod ring;
mod supposed;

use std::{collections::HashSet, sync::Arc};

use flowguard::{
    clients::ClientConfig,
    ledger::{
        Answer, Ask, DecisionsKept, End, Ended, Ledger, ManualClock, Policy, Preview, RequestKind,
        RetryAfter, Supposed, UnknownClients, Worker, WorkerId,
    },
    limits::{Limit, LimitKey, LimitName, Models},
};
use futures_util::FutureExt as _;
use limiter::{ClientId, Dimension, Tokens, UnixMillis, Wait};
use proptest::prelude::*;

use super::{
    together::{
        spec::{RAW_MODELS, RuleSet, Spec, Who, always, models},
        steps::{IDS, LIMITS_MAX, Step, specs},
    },
    world::{NOW, limit},
};

/// The worker whose filter is in shadow.
const IN_SHADOW: u128 = 2;

/// So few that a short history wraps the ring.
const FEW: [u64; 7] = [1, 2, 40, 64, 65, 150, 5_000];

/// How many ask who are never configured.
const STRANGERS: usize = 5;

/// What a story begins with.
#[derive(Clone, Debug)]
struct Given {
    policy: Policy,
    kept: u64,
    specs: Vec<Spec>,
    /// Whether there is a client in every group and on every plan all the time: what nobody is in has no
    /// buckets.
    has_always: bool,
}

fn given(has_always: impl Strategy<Value = bool>) -> impl Strategy<Value = Given> {
    let (rpm, tpm) = (limit(20), limit(300));
    let unknown = prop::sample::select(vec![
        UnknownClients::Each { rpm: limit(4), tpm },
        UnknownClients::Each { rpm, tpm: limit(100) },
        UnknownClients::Shared { rpm, tpm },
        UnknownClients::Allow,
        UnknownClients::Deny,
    ]);
    let retry_after = prop::sample::select(vec![RetryAfter::Exact, RetryAfter::Spread]);
    let kept = prop::sample::select(FEW.to_vec());
    (unknown, retry_after, kept, specs(), has_always).prop_map(
        |(unknown_clients, retry_after, kept, specs, has_always)| Given {
            policy: Policy { unknown_clients, retry_after, ..Policy::default() },
            kept,
            specs,
            has_always,
        },
    )
}

/// A request as it was asked, and what was decided over it.
#[derive(Clone, Debug)]
struct Asked {
    at: u64,
    worker: u128,
    id: u32,
    /// What it calls itself.
    client: String,
    /// Whether that was configured.
    is_configured: bool,
    kind: RequestKind,
    model: Option<&'static str>,
    reserved: Tokens,
    refusal: Option<(String, Wait)>,
}

/// What an operator writes.
#[derive(Clone, Debug)]
enum Write {
    Configured(ClientConfig),
    Removed(String),
    Reset(String),
    Rules(Vec<Limit>, Models),
}

/// What was done, in its order: a request by its place among those that asked.
#[derive(Clone, Debug)]
enum Done {
    Asked(usize),
    Ended(usize, End),
    Wrote(Write),
}

/// A ledger that keeps what it decides, and a list of all that was done to it.
struct Story {
    given: Given,
    ledger: Ledger,
    clock: ManualClock,
    now: u64,
    rules: RuleSet,
    /// What is configured before anything else is done.
    begins: Vec<Write>,
    list: Vec<(u64, Done)>,
    asked: Vec<Asked>,
    /// How many of them another process decided.
    first: usize,
    /// Those that are under way, the oldest first.
    open: Vec<usize>,
    /// How many requests there were, those of who is denied among them.
    count: u32,
}

impl Asked {
    /// As whom it was counted.
    fn whose(&self) -> &str {
        if self.is_configured { &self.client } else { ClientId::UNKNOWN }
    }
}

impl Write {
    /// Whether there is what is written.
    fn put(&self, ledger: &Ledger) -> bool {
        match self {
            Self::Configured(config) => {
                ledger.configure(config);
            }
            Self::Removed(id) => return ledger.remove(id),
            Self::Reset(id) => return ledger.reset(id).is_some(),
            Self::Rules(limits, models) => ledger.put_rules(limits.clone(), models.clone()),
        }
        true
    }
}

fn put_of(rules: &mut RuleSet) -> Write {
    let limits = rules.in_force().iter().map(Spec::to_limit).collect();
    Write::Rules(limits, models(rules.are_on))
}

impl Story {
    fn new(given: Given) -> Self {
        let clock = ManualClock::at(NOW);
        let kept = DecisionsKept { max: given.kept };
        let ledger = Ledger::new(given.policy, clock.clone()).keeping(kept);
        let who = |rpm, tpm, group| Who { rpm, tpm, group, plan: Some("p"), ..Who::default() };
        let one = who(Some(10), Some(500), Some("a/b")).to_config("one");
        let two = who(None, Some(300), Some("a")).to_config("two");
        let always = if given.has_always { always() } else { Vec::new() };
        let always = always.iter().map(|(id, who)| who.to_config(id));
        let mut rules = RuleSet::of(given.specs.clone());
        let clients = always.chain([one, two]).map(Write::Configured);
        let begins: Vec<_> = clients.chain([put_of(&mut rules)]).collect();
        for write in &begins {
            assert!(write.put(&ledger));
        }
        Self {
            given,
            ledger,
            clock,
            now: NOW.0,
            rules,
            begins,
            list: Vec::new(),
            asked: Vec::new(),
            first: 0,
            open: Vec::new(),
            count: 0,
        }
    }

    fn set_clock(&mut self, now: u64) {
        self.now = now;
        self.clock.set(UnixMillis(now));
    }

    fn do_all(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match step.clone() {
            Step::Ask { worker, client, tokens, kind, model } => {
                let client = match IDS[client] {
                    ClientId::UNKNOWN => format!("stranger-{}", self.count as usize % STRANGERS),
                    id => id.to_owned(),
                };
                let tokens = tokens.and_then(|tokens| Tokens::new(tokens).ok());
                self.ask(worker, &client, tokens, kind, RAW_MODELS[model]);
            }
            Step::AskAgain { which } => {
                let Some(asked) = self.open.get(which).map(|place| &self.asked[*place]) else {
                    return;
                };
                let Asked { worker, id, client, kind, model, .. } = asked;
                let (client, estimate) = (client.as_str(), None);
                let ask = Ask { id: *id, client, estimate, kind: *kind, model: *model };
                let worker = join(&self.ledger, *worker);
                let _ = self.ledger.decide(&worker, &[ask]).now_or_never();
            }
            Step::End { which, end } => {
                if !self.open.is_empty() {
                    let asked = &self.asked[self.open[which % self.open.len()]];
                    let (worker, ends) = (join(&self.ledger, asked.worker), vec![(asked.id, end)]);
                    let ended = self.ledger.end(&worker, ends).now_or_never();
                    self.ended(&ended.expect("local balances are ready at once"));
                }
            }
            Step::Drop { client, limit, requests } => {
                let limit = match limit.checked_sub(LIMITS_MAX) {
                    Some(_) => LimitKey::Own(Dimension::Rpm),
                    None => LimitKey::Named(LimitName::try_from(&*format!("l{limit}")).unwrap()),
                };
                self.ledger.count_dropped(IDS[client], &limit, requests);
            }
            Step::Configure { client, who } => {
                self.write(Write::Configured(who.to_config(IDS[client])));
            }
            Step::Remove { client } => self.write(Write::Removed(IDS[client].to_owned())),
            Step::Reset { client } => self.write(Write::Reset(IDS[client].to_owned())),
            Step::Put { .. }
            | Step::Renumber { .. }
            | Step::Delete { .. }
            | Step::PutAll { .. }
            | Step::PutModels { .. } => {
                if self.rules.follow(step) {
                    self.put();
                }
            }
            Step::Wait { ms } => self.set_clock(self.now + ms),
            Step::ClockBack { ms } => self.set_clock(self.now - ms),
            Step::GiveUp { worker } => {
                self.ledger.leave(&join(&self.ledger, worker));
                self.set_clock(self.now + 60_000);
                let given_up = self.ledger.give_up_on_absent_workers().now_or_never();
                self.ended(&given_up.expect("local balances are ready at once"));
            }
            Step::Resume { worker, every } => {
                let open = self.open.iter().map(|place| &self.asked[*place]);
                let of_worker = open.filter(|asked| asked.worker == worker);
                let named: HashSet<u32> = of_worker.map(|asked| asked.id).step_by(every).collect();
                let worker = join(&self.ledger, worker);
                let ended = self.ledger.resume(&worker, &named).now_or_never();
                self.ended(&ended.expect("local balances are ready at once"));
            }
        }
    }

    fn ask(
        &mut self,
        worker: u128,
        client: &str,
        estimate: Option<Tokens>,
        kind: RequestKind,
        model: Option<&'static str>,
    ) {
        self.count += 1;
        let (id, client) = (self.count, client.to_owned());
        let ask = Ask { id, client: &client, estimate, kind, model };
        let joined = join(&self.ledger, worker);
        let answers = self.ledger.decide(&joined, &[ask]).now_or_never();
        // Of some it is not known whether their workers heard of them.
        if !id.is_multiple_of(7) {
            joined.told();
        }
        let (reserved, is_configured, refusal) =
            match answers.expect("local balances are ready at once").remove(0) {
                Answer::Admitted { reserved, is_configured, .. } => (reserved, is_configured, None),
                Answer::Refused { reserved, is_configured, refusal, .. } => {
                    let refusal = (refusal.limit.as_str().to_owned(), refusal.wait);
                    (reserved, is_configured, Some(refusal))
                }
                Answer::UnknownClient => return,
                Answer::Unavailable => panic!("balances are here"),
            };
        let place = self.asked.len();
        if refusal.is_none() {
            self.open.push(place);
        }
        let at = self.now;
        self.asked.push(Asked {
            at,
            worker,
            id,
            client,
            is_configured,
            kind,
            model,
            reserved,
            refusal,
        });
        self.list.push((at, Done::Asked(place)));
    }

    fn ended(&mut self, ended: &[Ended]) {
        for Ended { id, end, .. } in ended {
            let open = self.open.iter().position(|place| self.asked[*place].id == *id);
            let place = self.open.remove(open.expect("it was under way"));
            self.list.push((self.now, Done::Ended(place, *end)));
        }
    }

    fn write(&mut self, write: Write) {
        if write.put(&self.ledger) {
            self.list.push((self.now, Done::Wrote(write)));
        }
    }

    fn put(&mut self) {
        let write = put_of(&mut self.rules);
        self.write(write);
    }

    fn preview(&self, supposed: &Supposed) -> Preview {
        self.ledger.preview(supposed).expect("decisions are kept")
    }

    /// Nothing is supposed: each verdict of those that are kept, and each wait that was told, is what it
    /// was.
    fn check_repeated(&self) -> Result<Preview, TestCaseError> {
        let preview = check_repeated(&self.ledger)?;
        let asked = &self.asked[self.first..];
        let kept = usize::try_from(preview.decisions).unwrap();
        let latest = asked.iter().skip(asked.len() - kept);
        let asked = asked.len() as u64;
        prop_assert_eq!(preview.is_cut, preview.decisions < asked);
        let kept = asked.min(self.given.kept);
        prop_assert!(preview.decisions >= kept, "{} of {}", preview.decisions, kept);
        let refused = latest.clone().filter(|asked| asked.refusal.is_some()).count() as u64;
        prop_assert_eq!(preview.then.requests, refused);
        for client in &preview.clients {
            let of_it = latest.clone().filter(|asked| asked.whose() == client.client.as_str());
            prop_assert_eq!(client.decisions, of_it.count() as u64, "{}", client.client);
        }
        Ok(preview)
    }
}

/// A stream of a worker, which is in shadow or not.
fn join(ledger: &Ledger, worker: u128) -> Arc<Worker> {
    let joined = ledger.join(WorkerId(worker));
    joined.set_in_shadow(worker == IN_SHADOW);
    joined
}

fn check_repeated(ledger: &Ledger) -> Result<Preview, TestCaseError> {
    let preview = ledger.preview(&Supposed::Nothing).expect("decisions are kept");
    prop_assert_eq!((preview.newly_refused, preview.newly_admitted), (0, 0), "{:?}", preview);
    prop_assert_eq!(preview.then, preview.now, "{:?}", preview);
    for client in &preview.clients {
        prop_assert_eq!(client.then, client.now);
        prop_assert!(client.by_limit.iter().all(|(_, then, now)| then == now), "{:?}", client);
    }
    let of_clients: u64 = preview.clients.iter().map(|client| client.decisions).sum();
    if preview.untold == 0 {
        prop_assert_eq!(of_clients, preview.decisions);
    }
    if let Some((oldest, latest)) = preview.over {
        prop_assert!(oldest <= latest, "{:?}", preview.over);
    }
    Ok(preview)
}
