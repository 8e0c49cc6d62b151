//! A decision over a client's own two limits and those beside them, which other clients may share:
//! all admit it and all are charged, or none is.

use limiter::{Charge, Decision, Demand, Dimension, PLACES_WAIT_MS, Tokens, UnixMillis, Wait};
use smallvec::SmallVec;

use super::{
    Ledger, Left, Refusal, Shortage, Tightest,
    balances::in_use,
    charges::{Charges, Held},
    journal::Pen,
    keys::{BucketKey, Part, SharedKey},
    policy::RetryAfter,
    record::Record,
    rules::{Found, InForce, KnownModels, ModelNumber, Row},
    shared::Locked,
    slots::Books,
    stock::Stock,
};
use crate::{
    clients::Limits,
    limits::{LimitKey, Measure},
};

/// A request, and the limits beside its client's own two that apply to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beset<'a> {
    /// The models that they can tell apart; `None`: no limit applies.
    pub(super) models: Option<&'a KnownModels>,
    pub(super) rows: &'a [Row],
    pub(super) model: ModelNumber,
    /// Its client's own limits.
    pub(super) limits: Limits,
    pub(super) cost: Tokens,
}

/// What was decided over one request, and how little is left then.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) outcome: Result<Charges, Refusal>,
    pub(super) tightest: Tightest,
    /// Whether what is left would not pay for the same request again.
    pub(super) is_short: bool,
}

/// One limit's part in a decision.
struct Stake<'r> {
    limit: &'r InForce,
    bucket: Found,
    main: Stock,
    trial: Option<Stock>,
}

/// The bucket of each row, which is of no limit any more where there is none.
type Places = SmallVec<[Option<Found>; 16]>;

/// Whose demand it is.
#[derive(Clone, Copy)]
enum Whose {
    Own(Dimension),
    /// That of the stake in this place.
    Beside(usize, Part),
}

impl Ledger {
    /// Decides over one request, charges what passes, and counts which limits would not have let it.
    pub(super) fn decide_together(
        &self,
        books: &mut Books,
        request: Beset<'_>,
        (retry_after, in_shadow): (RetryAfter, bool),
        pen: &mut Pen<'_>,
        now: UnixMillis,
    ) -> Decided {
        let (places, mut locked) = self.lock(request);
        if let Some(ring) = pen.ring() {
            for key in shared_of(&places) {
                if let Some(books) = locked.books_mut(key) {
                    ring.look_at_shared(key, books, now);
                }
            }
        }
        let mut stakes = stakes(books, request, &places, &locked, now);
        let Beset { limits, cost, .. } = request;
        let balances = &mut books.balances;

        // In the order in which a refusal names them.
        let mut demands = SmallVec::<[Demand<'_>; 16]>::new();
        let mut whose = SmallVec::<[Whose; 16]>::new();
        if let Some(rpm) = limits.rpm {
            demands.push(Demand::new(in_use(&mut balances.requests, rpm, now), Tokens::ONE));
            whose.push(Whose::Own(Dimension::Rpm));
        }
        if let Some(tpm) = limits.tpm {
            demands.push(Demand::new(in_use(&mut balances.tokens, tpm, now), cost));
            whose.push(Whose::Own(Dimension::Tpm));
        }
        for (index, stake) in stakes.iter_mut().enumerate() {
            for (part, demand) in stake.demands(cost) {
                demands.push(demand);
                whose.push(Whose::Beside(index, part));
            }
        }

        let decision = limiter::decide(&mut demands, now);
        let said: SmallVec<[_; 16]> = whose
            .into_iter()
            .zip(&demands)
            .map(|(whose, demand)| (whose, demand.is_covered(), demand.charge()))
            .collect();
        drop(demands);

        let outcome = match decision {
            Decision::Admitted => {
                let mut charges = Charges::none(balances.epoch());
                charges.beside.reserve_exact(said.len());
                let mut overdrawn = None;
                for (whose, is_covered, charge) in said {
                    match whose {
                        Whose::Own(limit) => *charges.own_mut(limit) = charge,
                        Whose::Beside(index, part) => {
                            let Some(stake) = stakes.get(index) else { continue };
                            if is_covered {
                                charges.beside.push(stake.held(part, charge));
                                continue;
                            }
                            stake.limit.count_overdrawn(part);
                            // A request counts once, also where both numbers would refuse it.
                            if overdrawn.replace(index) != Some(index) {
                                books.record.would_refuse(stake.limit.number);
                            }
                        }
                    }
                }
                balances.follow(limits, cost, now);
                Ok(charges)
            }
            Decision::Refused(refusal) => {
                let refusing = said.iter().enumerate().filter(|(index, _)| refusal.refuses(*index));
                let mut all_are_own = true;
                for (_, (whose, ..)) in refusing {
                    let Whose::Beside(index, _) = whose else { continue };
                    all_are_own = false;
                    if let Some(stake) = stakes.get(*index) {
                        count_refused(stake.limit, &mut books.record, in_shadow);
                    }
                }
                let wait = match (refusal.wait(), retry_after) {
                    // A moment of one's own is worth nothing where others draw on the same bucket.
                    (wait, RetryAfter::Spread) if all_are_own => {
                        balances.line_up(wait, limits, cost, now)
                    }
                    (wait, _) => wait,
                };
                Err(match said.get(refusal.named()).map(|(whose, ..)| *whose) {
                    Some(Whose::Beside(index, _)) if let Some(stake) = stakes.get(index) => {
                        stake.refusal(wait, now)
                    }
                    Some(Whose::Own(limit)) => balances.refusal(limit, limits, wait, now),
                    // One of them refused, or nothing would have.
                    _ => balances.refusal(Dimension::Rpm, limits, wait, now),
                })
            }
        };
        let own = balances.tightest(limits, now);
        let decided = Decided {
            is_short: own.is_short(cost) || stakes.iter().any(|stake| stake.is_short(cost, now)),
            tightest: stakes.iter().fold(own, |tightest, stake| stake.tighten(tightest, now)),
            outcome,
        };
        if decided.outcome.is_ok() {
            for stake in stakes {
                stake.write_back(books, &mut locked, pen);
            }
        }
        decided
    }

    /// What a request is up against, without asking for anything.
    pub(super) fn tightest_together(
        &self,
        books: &Books,
        request: Beset<'_>,
        now: UnixMillis,
    ) -> (Tightest, bool) {
        let (places, locked) = self.lock(request);
        let stakes = stakes(books, request, &places, &locked, now);
        let Beset { limits, cost, .. } = request;
        let own = books.balances.tightest(limits, now);
        let is_short = own.is_short(cost) || stakes.iter().any(|stake| stake.is_short(cost, now));
        (stakes.iter().fold(own, |tightest, stake| stake.tighten(tightest, now)), is_short)
    }

    /// Where the buckets of the limits that apply are, of which the shared ones are locked. All are
    /// known before one is locked: to make one that is not there yet takes locks too.
    fn lock(&self, request: Beset<'_>) -> (Places, Locked<'_>) {
        let found = request.models.into_iter().flat_map(|models| {
            let find = move |row: &Row| row.find(request.model, models, &self.shared);
            request.rows.iter().map(find)
        });
        let places = found.collect::<Places>();
        let locked = self.shared.lock(shared_of(&places));
        (places, locked)
    }
}

/// Those of the buckets that clients share.
fn shared_of(places: &Places) -> impl Iterator<Item = SharedKey> {
    places.iter().filter_map(|found| match found {
        Some(Found::Shared(key)) => Some(*key),
        Some(Found::Beside(_)) | None => None,
    })
}

/// A limit beside the client's own two refused a request of it, which passes where its filter is in
/// shadow.
pub(super) fn count_refused(limit: &InForce, record: &mut Record, in_shadow: bool) {
    limit.count_refused(1, in_shadow);
    if in_shadow {
        record.would_refuse(limit.number);
    } else {
        record.refused_by(limit.number, 1);
    }
}

/// The limits that apply, each with what is left of it.
fn stakes<'r>(
    books: &Books,
    request: Beset<'r>,
    places: &Places,
    locked: &Locked<'_>,
    now: UnixMillis,
) -> SmallVec<[Stake<'r>; 4]> {
    let of_row = |(row, found): (&'r Row, &Option<Found>)| {
        let (limit, bucket) = (&*row.limit, (*found)?);
        let stocks = match bucket {
            Found::Beside(key) => books.balances.beside.get(key),
            // A limit that was deleted since the list of limits was read is not in force.
            Found::Shared(key) => Some(locked.stocks(key)?),
        };
        let stock = |part| limit.stock(part, stocks.and_then(|stocks| stocks.get(part)), now);
        Some(Stake { limit, bucket, main: stock(Part::Main)?, trial: stock(Part::Trial) })
    };
    request.rows.iter().zip(places).filter_map(of_row).collect()
}

impl Beset<'_> {
    /// The limit that refuses a request whose end nobody will tell, where it would take a place until
    /// then.
    pub(super) fn no_place(&self) -> Option<(&InForce, Refusal)> {
        let limits = self.rows.iter().map(|row| &*row.limit);
        let mut refusing = limits.filter(|limit| limit.refuses_by(Part::Main));
        let limit =
            refusing.find(|limit| matches!(limit.config.measure, Measure::Concurrent(_)))?;
        let refusal = Refusal {
            limit: LimitKey::Named(limit.config.name.clone()),
            shortage: Shortage::Places(limit.config.measure.amount()),
            wait: Wait::Millis(PLACES_WAIT_MS),
        };
        Some((limit, refusal))
    }
}

/// Whether a client that has as much again may have to wait for what this request gives back to a limit
/// of which so much is left.
pub(super) fn is_short_of(limit: &InForce, main: &Stock, cost: Tokens, now: UnixMillis) -> bool {
    limit.refuses_by(Part::Main) && main.is_short(limit.config.measure, cost, now)
}

/// The tightest limits, this one among them, of which so much is left.
pub(super) fn tighten(
    limit: &InForce,
    main: &Stock,
    tightest: Tightest,
    now: UnixMillis,
) -> Tightest {
    let Some(balance) = main.balance(now).filter(|_| limit.refuses_by(Part::Main)) else {
        return tightest;
    };
    let left = || Left { limit: LimitKey::Named(limit.config.name.clone()), balance };
    let is_tighter =
        |than: &Option<Left>| than.as_ref().is_none_or(|than| than.is_looser(&balance));
    let Tightest { requests, tokens } = tightest;
    match limit.config.measure {
        Measure::Requests(_) if is_tighter(&requests) => {
            Tightest { requests: Some(left()), tokens }
        }
        Measure::Tokens(_) if is_tighter(&tokens) => Tightest { requests, tokens: Some(left()) },
        _ => Tightest { requests, tokens },
    }
}

impl Stake<'_> {
    fn demands(&mut self, cost: Tokens) -> impl Iterator<Item = (Part, Demand<'_>)> {
        let limit = self.limit;
        let stocks = [(Part::Main, Some(&mut self.main)), (Part::Trial, self.trial.as_mut())];
        stocks.into_iter().filter_map(move |(part, stock)| {
            let demand = stock?.demand(limit.config.measure, cost);
            Some((part, if limit.refuses_by(part) { demand } else { demand.watched() }))
        })
    }

    /// What an admitted request holds of it.
    fn held(&self, part: Part, charge: Option<Charge>) -> (BucketKey, Held) {
        let key = match self.bucket {
            Found::Beside(key) => BucketKey::Beside(key, part),
            Found::Shared(key) => BucketKey::Shared(key, part),
        };
        (key, Stock::held(self.limit.config.measure, charge))
    }

    fn is_short(&self, cost: Tokens, now: UnixMillis) -> bool {
        is_short_of(self.limit, &self.main, cost, now)
    }

    fn tighten(&self, tightest: Tightest, now: UnixMillis) -> Tightest {
        tighten(self.limit, &self.main, tightest, now)
    }

    fn refusal(&self, wait: Wait, now: UnixMillis) -> Refusal {
        let measure = self.limit.config.measure;
        Refusal {
            limit: LimitKey::Named(self.limit.config.name.clone()),
            shortage: match self.main.balance(now) {
                Some(balance) if measure.is_tokens() => Shortage::Tokens(balance),
                Some(balance) => Shortage::Requests(balance),
                None => Shortage::Places(measure.amount()),
            },
            wait,
        }
    }

    /// Puts what is left back to where it was found.
    fn write_back(self, books: &mut Books, locked: &mut Locked<'_>, pen: &mut Pen<'_>) {
        let stocks = match self.bucket {
            Found::Beside(key) => books.balances.beside.get_or_make(key),
            Found::Shared(key) => {
                let Some(stocks) = locked.stocks_mut(key) else { return };
                pen.touch_shared(key.number);
                stocks
            }
        };
        stocks.put(Part::Main, self.main);
        if let Some(trial) = self.trial {
            stocks.put(Part::Trial, trial);
        }
    }
}
