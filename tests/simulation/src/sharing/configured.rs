//! What operators write at any of the control planes, and whether it is in force at all of them.

use std::collections::{BTreeMap, BTreeSet};

use flowguard::{
    audit::{Action, Entry, Object},
    clients::{ClientConfig, Limits},
    limits::{Group, Name},
    operator::{self, Caller, Precondition},
};
use limiter::{ClientId, PerMinute, Tokens};

use super::{
    Event, News, World,
    plane::{PREFIX, Plane},
};
use crate::{
    edge::SECOND,
    oracle::{Rules, Wanted},
    plan::ClientPlan,
    queue::Micros,
    redis::{Call, Reply},
    rules::belongs,
    store::wanted,
};

/// What is configured is in force everywhere so long after it was written.
const EVERYWHERE_WITHIN: Micros = SECOND;

/// Something that an operator writes.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Client(String, Wanted),
    Removal(String),
    Reset(String),
    Everything(Box<All>),
}

/// All that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct All {
    pub(super) clients: BTreeMap<String, Wanted>,
    pub(super) rules: Rules,
}

/// All of it, as it is compared: clients, and limits and models in words.
type Told = (BTreeMap<String, Wanted>, String);

/// What is configured by all that was acknowledged.
#[derive(Debug)]
pub(super) struct Configured {
    /// One of these; several where nobody knows whether a write was done.
    possible: Vec<All>,
    is_writing: bool,
    is_first: bool,
    first: All,
    /// When the last write was done.
    written_at: Micros,
    /// The store may have lost what was acknowledged.
    has_lost: bool,
}

impl Configured {
    /// Nothing yet; that comes first.
    pub(super) fn first(clients: &[ClientPlan], rules: Rules) -> Self {
        let clients = clients.iter().filter_map(|of| Some((of.id.clone(), of.wanted?)));
        let first = All { clients: clients.collect(), rules };
        Self {
            possible: vec![All::default()],
            is_writing: false,
            is_first: true,
            first,
            written_at: 0,
            has_lost: false,
        }
    }

    /// A script was run that may have written something.
    pub(super) fn note_write(&mut self, call: &Call) {
        if call.keys.len() == 7 && call.reply == Reply::Integer(1) {
            self.written_at = call.at;
        }
    }

    pub(super) fn may_have_lost(&mut self) {
        self.has_lost = true;
    }

    fn newest(&self) -> All {
        self.possible.last().cloned().unwrap_or_default()
    }
}

impl All {
    fn write(&mut self, write: &Write) {
        match write {
            Write::Client(id, wanted) => {
                self.clients.insert(id.clone(), *wanted);
            }
            Write::Removal(id) => {
                self.clients.remove(id);
            }
            Write::Reset(_) => {}
            Write::Everything(all) => *self = (**all).clone(),
        }
    }

    fn of(plane: &Plane) -> Told {
        let configs = plane.ledger().configs_after(None, usize::MAX);
        let clients = configs.iter().map(|config| (config.id.to_string(), wanted(config)));
        let rules = (plane.ledger().limits(), plane.ledger().models().to_map());
        (clients.collect(), format!("{rules:?}"))
    }

    fn told(&self) -> Told {
        let rules = (self.rules.to_limits(), self.rules.to_models().to_map());
        (self.clients.clone(), format!("{rules:?}"))
    }

    fn wanted(&self) -> operator::Wanted {
        operator::Wanted {
            clients: self.clients.iter().map(|(id, wanted)| config(id, wanted)).collect(),
            limits: self.rules.to_limits(),
            models: self.rules.to_models().to_map(),
            keys: None,
            tokens: None,
        }
    }
}

fn config(id: &str, wanted: &Wanted) -> ClientConfig {
    let per_minute = |limit: u64| PerMinute::new(limit).expect("a limit");
    let limits = Limits { rpm: wanted.rpm.map(per_minute), tpm: wanted.tpm.map(per_minute) };
    ClientConfig {
        enabled: !wanted.is_disabled,
        min_estimate: wanted.min_estimate.map(|least| Tokens::new(least).expect("tokens")),
        group: wanted.group.map(|text| Group::try_from(text).expect("a group")),
        plan: wanted.plan.map(|text| Name::try_from(text).expect("a plan")),
        ..ClientConfig::new(ClientId::try_from(id).expect("an id"), limits)
    }
}

impl World {
    pub(super) fn operate(&mut self) {
        if self.edge.now < self.edge.load_ends {
            let longest = if self.configured.is_first { SECOND } else { 6 * SECOND };
            let next = self.edge.now + self.edge.random.between(SECOND / 4, longest);
            self.edge.plan(next, Event::Operate);
        }
        let numbers: Vec<_> = self.edge.processes.clone();
        if self.configured.is_writing || self.edge.is_at_rest || numbers.is_empty() {
            return;
        }
        let number = self.edge.random.pick(&numbers);
        let write = self.what_to_write();
        let Some(plane) = self.planes.get_mut(&number) else { return };
        self.edge.tell(|| format!("control plane {number} writes {write:?}"));
        self.configured.is_writing = true;
        let (operator, tell) = (plane.operator.clone(), self.tell.clone());
        // Whoever writes is not told where the process ends in the middle.
        tokio::spawn(async move {
            let (any, caller) = (Precondition::Anything, Caller::Process);
            let is_done = match &write {
                Write::Client(id, wanted) => {
                    operator.set(wanted.to_draft(id), any, &caller).await.is_ok()
                }
                Write::Removal(id) => operator.remove(id, any, &caller).await.is_ok(),
                Write::Reset(id) => operator.reset(id, any, &caller).await.is_ok(),
                Write::Everything(all) => {
                    let run = operator::Run::Real;
                    operator.replace_all(all.wanted(), run, any, &caller).await.is_ok()
                }
            };
            let _ = tell.send(News::Wrote(write, is_done));
        });
    }

    fn what_to_write(&mut self) -> Write {
        if self.configured.is_first {
            return Write::Everything(Box::new(self.configured.first.clone()));
        }
        let mut newest = self.configured.newest();
        let random = &mut self.edge.random;
        let ids: Vec<_> = self.configured.first.clients.keys().cloned().collect();
        let id = ids[usize::try_from(random.below(ids.len() as u64)).unwrap_or(0)].clone();
        let wanted = self.configured.first.clients[&id];
        let (group, plan) = belongs(random);
        match random.below(8) {
            0 => Write::Removal(id),
            1 => Write::Reset(id),
            2 => Write::Client(id, wanted),
            3 => Write::Client(id, Wanted { group, plan, ..wanted }),
            4 | 5 => {
                let other = |limit: u64| (limit.saturating_mul(7) / 3 + 1).min(1_000_000_000_000);
                let (rpm, tpm) = if random.percent(50) {
                    (wanted.rpm.map(other), wanted.tpm.map(other))
                } else {
                    (wanted.rpm.map(|rpm| rpm / 3 + 1), wanted.tpm.map(|tpm| tpm / 3 + 1))
                };
                let is_disabled = random.percent(5);
                Write::Client(id, Wanted { rpm, tpm, is_disabled, ..wanted })
            }
            _ => {
                newest.rules.change(&self.edge.clients, random);
                Write::Everything(Box::new(newest))
            }
        }
    }

    pub(super) fn wrote(&mut self, write: &Write, is_done: bool) {
        self.edge.tell(|| format!("it is written: {is_done}"));
        self.configured.is_writing = false;
        self.edge.report.rules_changed += u64::from(is_done);
        let written = self.configured.possible.iter().cloned().map(|mut all| {
            all.write(write);
            all
        });
        let mut written: Vec<_> = written.collect();
        if is_done {
            self.configured.is_first = false;
            self.look_at_audit(write);
        } else {
            // A client that is not there can be neither removed nor reset.
            let before = std::mem::take(&mut self.configured.possible);
            written = before.into_iter().chain(written).collect();
        }
        written.dedup();
        self.configured.possible = written;
    }

    /// What was acknowledged is what the newest entry says, of who changed what: it came with the write.
    fn look_at_audit(&mut self, write: &Write) {
        let (id, actions) = match write {
            Write::Client(id, _) => (id, [Action::Create, Action::Change]),
            Write::Removal(id) => (id, [Action::Delete; 2]),
            Write::Reset(id) => (id, [Action::Reset; 2]),
            // Where it changes nothing it is none.
            Write::Everything(_) => return,
        };
        if self.configured.has_lost {
            return;
        }
        let key = format!("{PREFIX}audit");
        let command = ["ZREVRANGEBYSCORE", &key, "+inf", "-inf", "LIMIT", "0", "1"];
        let newest = match self.redis.carry_out(&command.map(|word| word.as_bytes().to_vec())) {
            Reply::List(newest) => newest.into_iter().next(),
            _ => None,
        };
        let newest = match newest {
            Some(Reply::Bulk(bytes)) => Entry::of_stored(&bytes, 0),
            _ => None,
        };
        let is_told = newest.as_ref().is_some_and(|entry| {
            entry.object == Object::new("client", id) && actions.contains(&entry.action)
        });
        if !is_told {
            self.edge.violated(format!("the audit says {newest:?} of {write:?}"));
        }
    }

    /// What was written is in force everywhere by now.
    pub(super) fn look_at_configuration(&mut self) {
        let next = self.edge.now + SECOND / 10;
        self.edge.plan(next, Event::Look);
        let since = self.configured.written_at.max(self.disturbed_until);
        if self.edge.now < since + EVERYWHERE_WITHIN || self.configured.is_writing {
            return;
        }
        let planes = self.planes.iter().filter(|(_, plane)| !plane.is_draining);
        let all: Vec<_> = planes.map(|(number, plane)| (*number, All::of(plane))).collect();
        let possible: Vec<_> = self.configured.possible.iter().map(All::told).collect();
        let difference = all.iter().find_map(|(number, one)| {
            let (first, of_first) = all.first()?;
            if one != of_first {
                let of_first = difference(one, of_first);
                return Some(format!("control planes {number} and {first} have {of_first}"));
            }
            if self.configured.has_lost || possible.contains(one) {
                return None;
            }
            let written = possible.iter().map(|written| difference(one, written));
            let written: Vec<_> = written.collect();
            Some(format!("control plane {number} and who wrote have {}", written.join("; or ")))
        });
        if let Some(difference) = difference {
            self.edge.violated(difference);
        }
    }
}

/// What a control plane has and another one has otherwise.
fn difference(one: &Told, other: &Told) -> String {
    let ids: BTreeSet<_> = one.0.keys().chain(other.0.keys()).collect();
    let clients = ids.into_iter().filter(|id| one.0.get(*id) != other.0.get(*id));
    let clients = clients.map(|id| format!("{id}: {:?}, {:?}", one.0.get(id), other.0.get(id)));
    let rules = (one.1 != other.1).then(|| format!("{} and {}", one.1, other.1));
    clients.chain(rules).collect::<Vec<_>>().join("; ")
}
