//! What the store decided, as it is answered and counted.

use limiter::{Decision, Dimension, UnixMillis, Wait};

use super::{
    Holds, Of, Replica,
    asked::{Asked, Whose},
};
use crate::{
    ledger::{
        Answer, Ask, Ledger, Left, Refusal, Reservation, Shortage, Tightest, WorkerId,
        charges::Charges,
        keys::Part,
        rules::Row,
        slots::Books,
        stock::Stock,
        together::{count_refused, is_short_of, tighten},
        worker::Held,
    },
    limits::{LimitKey, Measure},
    store::shared::{Charged, Decided, EndWish, Hold, Receipt, RequestName, Stands, Thing, Wish},
};

/// What was decided, explained.
pub(super) struct Explained {
    pub(super) answer: Answer,
    /// The end of a request that was admitted and can't be followed.
    pub(super) unfollowed: Option<Wish>,
}

impl Ledger {
    pub(super) fn explain(
        &self,
        replica: &Replica,
        (worker, held): (WorkerId, &mut Held),
        (ask, number): (&Ask<'_>, u64),
        asked: &Asked,
        decided: &Decided,
    ) -> Explained {
        let (_, rows) = asked.applied.rows(ask.model);
        let now = decided.now;
        replica.untold.lock().add(asked.slot);
        let mut books = self.slots.books(asked.slot);
        let &Asked { is_configured, reserved, .. } = asked;
        let stands = Standings::of(asked, rows, decided);
        let tightest = stands.tightest(now);
        match decided.decision {
            Decision::Admitted => {
                count_overdrawn(asked, rows, decided, &mut books);
                books.record.admitted(now);
                let is_short = stands.is_short(reserved, now);
                let holds = holds(asked, decided);
                let is_followed = self.workers.take_place(held.reservations.len());
                let unfollowed = if is_followed {
                    let charges = Charges::none(0);
                    let slot = books.key(asked.slot);
                    let reservation =
                        Reservation { slot, kind: ask.kind, charges, reserved, number };
                    held.reservations.insert(ask.id, reservation);
                    replica.holds.lock().insert((worker, ask.id), holds);
                    None
                } else {
                    books.record.lost(reserved);
                    Some(unfollowed(asked.wish.request.clone(), holds))
                };
                let answer =
                    Answer::Admitted { reserved, is_followed, is_configured, tightest, is_short };
                Explained { answer, unfollowed }
            }
            Decision::Refused(refusal) => {
                let refusing = asked.whose.iter().enumerate();
                for (_, (whose, _)) in refusing.filter(|(index, _)| refusal.refuses(*index)) {
                    if let Whose::Beside(row, _) = whose
                        && let Some(row) = rows.get(*row)
                    {
                        count_refused(&row.limit, &mut books.record, held.is_in_shadow);
                    }
                }
                let refusal = stands.refusal(refusal.named(), refusal.wait(), now);
                books.record.not_admitted(&refusal.limit, held.is_in_shadow, now);
                let answer = Answer::Refused { refusal, reserved, is_configured, tightest };
                Explained { answer, unfollowed: None }
            }
        }
    }
}

/// Which limits would not have let a request pass that was admitted.
fn count_overdrawn(asked: &Asked, rows: &[Row], decided: &Decided, books: &mut Books) {
    let mut counted = None;
    for ((whose, _), charged) in asked.whose.iter().zip(&decided.charged) {
        let (Whose::Beside(index, part), None) = (whose, charged) else { continue };
        let Some(row) = rows.get(*index) else { continue };
        row.limit.count_overdrawn(*part);
        // A request counts once, also where both numbers would refuse it.
        if counted.replace(*index) != Some(*index) {
            books.record.would_refuse(row.limit.number);
        }
    }
}

/// What an admitted request holds.
fn holds(asked: &Asked, decided: &Decided) -> Holds {
    let demands = asked.wish.demands.iter().zip(&asked.whose).zip(&decided.charged);
    let held = demands.filter_map(|((demand, (_, of)), charged)| match (&demand.of, charged) {
        (Thing::Tokens(key, told, _), Some(Charged::Tokens(charge, epoch))) => {
            let (key, told, charge, epoch) = (key.clone(), *told, *charge, *epoch);
            Some((*of, Hold::Tokens { key, told, charge, epoch, used: charge.tokens() }))
        }
        (Thing::Place(key, max), Some(Charged::Place)) => {
            Some((Of::Places, Hold::Place(key.clone(), *max)))
        }
        _ => None,
    });
    held.collect()
}

/// Its charges stand, and its places come back.
fn unfollowed(request: RequestName, holds: Holds) -> Wish {
    let places = holds.into_iter().filter(|(of, _)| *of == Of::Places);
    let holds = places.map(|(_, hold)| hold).collect();
    Wish::End(Box::new(EndWish { request, holds, receipt: Receipt::default() }))
}

/// How the limits of a request stand after it was decided.
struct Standings<'a> {
    own: Tightest,
    /// In the order of the demands.
    all: Vec<(Whose, Option<&'a Row>, Stock)>,
}

impl<'a> Standings<'a> {
    fn of(asked: &Asked, rows: &'a [Row], decided: &Decided) -> Self {
        let mut own = Tightest::default();
        let mut all = Vec::with_capacity(asked.whose.len());
        for ((whose, _), left) in asked.whose.iter().zip(&decided.left) {
            let stock = match left {
                Stands::Bucket(bucket) => Stock::Window(*bucket),
                Stands::Places(places) => Stock::Places(*places),
            };
            match whose {
                Whose::Own(dimension) => {
                    let limit = LimitKey::Own(*dimension);
                    let left = stock.balance(decided.now).map(|balance| Left { limit, balance });
                    match dimension {
                        Dimension::Rpm => own.requests = left,
                        Dimension::Tpm => own.tokens = left,
                    }
                }
                Whose::Beside(..) => {}
            }
            let row = match whose {
                Whose::Beside(index, _) => rows.get(*index),
                Whose::Own(_) => None,
            };
            all.push((*whose, row, stock));
        }
        Self { own, all }
    }

    fn enforced(&self) -> impl Iterator<Item = (&'a Row, &Stock)> {
        self.all.iter().filter_map(|(whose, row, stock)| match (whose, row) {
            (Whose::Beside(_, Part::Main), Some(row)) => Some((*row, stock)),
            _ => None,
        })
    }

    fn tightest(&self, now: UnixMillis) -> Tightest {
        self.enforced().fold(self.own.clone(), |tightest, (row, stock)| {
            tighten(&row.limit, stock, tightest, now)
        })
    }

    fn is_short(&self, reserved: limiter::Tokens, now: UnixMillis) -> bool {
        self.own.is_short(reserved)
            || self.enforced().any(|(row, stock)| is_short_of(&row.limit, stock, reserved, now))
    }

    fn refusal(&self, named: usize, wait: Wait, now: UnixMillis) -> Refusal {
        let (limit, shortage) = match self.all.get(named) {
            Some((Whose::Beside(..), Some(row), stock)) => {
                let measure = row.limit.config.measure;
                let shortage = match (stock.balance(now), measure) {
                    (Some(balance), Measure::Tokens(_)) => Shortage::Tokens(balance),
                    (Some(balance), _) => Shortage::Requests(balance),
                    (None, _) => Shortage::Places(measure.amount()),
                };
                (LimitKey::Named(row.limit.config.name.clone()), shortage)
            }
            Some((Whose::Own(Dimension::Tpm), ..)) => {
                let tokens = self.own.tokens.as_ref();
                let tokens = tokens.map(|left| Shortage::Tokens(left.balance));
                (LimitKey::Own(Dimension::Tpm), tokens.unwrap_or(Shortage::Places(0)))
            }
            // One of them refused, or nothing would have.
            _ => {
                let requests = self.own.requests.as_ref();
                let requests = requests.map(|left| Shortage::Requests(left.balance));
                (LimitKey::Own(Dimension::Rpm), requests.unwrap_or(Shortage::Places(0)))
            }
        };
        Refusal { limit, shortage, wait }
    }
}
