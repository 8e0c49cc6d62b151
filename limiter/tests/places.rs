//! Places and watched demands, case by case.

use core::num::NonZeroU64;

use limiter::{
    AMOUNT_MAX, Bucket, Decision, Demand, PLACES_WAIT_MS, PerMinute, Places, Refusal, Tokens,
    UnixMillis, Wait, decide,
};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn places(max: u64) -> Places {
    Places::new(NonZeroU64::new(max).unwrap())
}

fn per_minute(amount: u64) -> Bucket {
    Bucket::full(PerMinute::new(amount).unwrap().into(), NOW)
}

/// Asks for one of the places alone.
fn ask(places: &mut Places) -> Decision {
    decide(&mut [Demand::place(places)], NOW)
}

fn refused(decision: Decision) -> Refusal {
    let Decision::Refused(refusal) = decision else { panic!("admitted") };
    refusal
}

#[test]
fn so_many_requests_are_under_way_at_a_time_and_the_next_one_comes_when_one_has_ended() {
    let mut places = places(2);
    assert_eq!((places.max().get(), places.taken(), places.free()), (2, 0, 2));
    assert_eq!(ask(&mut places), Decision::Admitted);
    assert_eq!(ask(&mut places), Decision::Admitted);
    assert_eq!(refused(ask(&mut places)).wait(), Wait::Millis(PLACES_WAIT_MS));
    assert_eq!((places.taken(), places.free()), (2, 0), "a refusal takes no place");
    places.give_back();
    assert_eq!(ask(&mut places), Decision::Admitted);
}

#[test]
fn a_lower_number_of_places_takes_none_away_and_gives_none_out_until_enough_came_back() {
    let mut places = places(3);
    for _ in 0..3 {
        assert_eq!(ask(&mut places), Decision::Admitted);
    }
    places.change(NonZeroU64::MIN);
    assert_eq!((places.taken(), places.free()), (3, 0));
    for _ in 0..2 {
        places.give_back();
        assert_ne!(ask(&mut places), Decision::Admitted);
    }
    places.give_back();
    assert_eq!(ask(&mut places), Decision::Admitted);
}

#[test]
fn requests_that_are_read_back_have_their_places_whatever_the_number_is_by_then() {
    let mut places = places(1);
    for _ in 0..3 {
        places.take_again();
    }
    assert_eq!((places.taken(), places.free()), (3, 0));
    for _ in 0..4 {
        places.give_back();
    }
    assert_eq!((places.taken(), places.free()), (0, 1), "none comes back twice");
}

#[test]
fn places_that_others_hold_are_taken() {
    let one = NonZeroU64::MIN;
    assert_eq!(ask(&mut Places::with_taken(one, 0)), Decision::Admitted);
    for taken in [1, 2] {
        assert_ne!(ask(&mut Places::with_taken(one, taken)), Decision::Admitted);
    }
}

#[test]
fn of_a_place_and_buckets_the_longest_wait_is_told_and_what_never_fits_above_all() {
    for (amount, cost, wait) in [
        // A token a millisecond, one every five seconds, and more than there ever are.
        (60_000, 60_000, Wait::Millis(PLACES_WAIT_MS)),
        (12, 12, Wait::Millis(60_000)),
        (12, 13, Wait::Never),
    ] {
        let (mut places, mut bucket) = (places(1), per_minute(amount));
        let spent = Tokens::new(12).unwrap();
        assert_eq!(decide(&mut [Demand::new(&mut bucket, spent)], NOW), Decision::Admitted);
        assert_eq!(ask(&mut places), Decision::Admitted);
        let cost = Tokens::new(cost).unwrap();
        let mut demands = [Demand::place(&mut places), Demand::new(&mut bucket, cost)];
        let refusal = refused(decide(&mut demands, NOW));
        assert_eq!(refusal.wait(), wait);
        assert_eq!(refusal.named(), usize::from(wait == Wait::Never));
        assert!(refusal.refuses(0) && refusal.refuses(1));
    }
}

#[test]
fn a_bucket_that_refuses_keeps_the_place_free_and_a_place_the_bucket_full() {
    let (mut places, mut bucket) = (places(1), per_minute(10));
    let too_many = Tokens::new(11).unwrap();
    let mut demands = [Demand::place(&mut places), Demand::new(&mut bucket, too_many)];
    let refusal = refused(decide(&mut demands, NOW));
    assert_eq!((refusal.refuses(0), refusal.refuses(1)), (false, true));
    assert_eq!([0, 1].map(|index| demands[index].is_covered()), [true, false]);
    assert_eq!([0, 1].map(|index| demands[index].charge()), [None, None]);
    assert_eq!(places.taken(), 0);

    assert_eq!(ask(&mut places), Decision::Admitted);
    let mut demands = [Demand::place(&mut places), Demand::new(&mut bucket, Tokens::ONE)];
    let refusal = refused(decide(&mut demands, NOW));
    assert_eq!((refusal.refuses(0), refusal.refuses(1)), (true, false));
    assert_eq!([0, 1].map(|index| demands[index].is_covered()), [false, true]);
    assert_eq!([0, 1].map(|index| demands[index].charge()), [None, None]);
    assert_eq!(bucket.balance(NOW).remaining(), 10);
}

#[test]
fn a_watched_demand_that_covers_an_admitted_request_is_charged_like_any() {
    let (mut bucket, mut watched, mut places) = (per_minute(10), per_minute(20), places(1));
    let cost = Tokens::new(4).unwrap();
    let mut demands = [
        Demand::new(&mut bucket, cost),
        Demand::new(&mut watched, cost).watched(),
        Demand::place(&mut places).watched(),
    ];
    assert_eq!(decide(&mut demands, NOW), Decision::Admitted);
    assert!(demands.iter().all(Demand::is_covered));
    assert_eq!(demands[1].charge().unwrap().tokens(), cost);
    assert_eq!(demands[1].balance(NOW).unwrap().remaining(), 16);
    assert_eq!((demands[2].charge(), demands[2].balance(NOW)), (None, None));
    assert_eq!(places.taken(), 1);
}

#[test]
fn a_watched_demand_that_is_short_refuses_nothing_and_is_left_alone() {
    let (mut bucket, mut watched, mut places) = (per_minute(10), per_minute(3), places(1));
    assert_eq!(ask(&mut places), Decision::Admitted);
    let cost = Tokens::new(4).unwrap();
    let mut demands = [
        Demand::new(&mut watched, cost).watched(),
        Demand::place(&mut places).watched(),
        Demand::new(&mut bucket, cost),
    ];
    assert_eq!(decide(&mut demands, NOW), Decision::Admitted);
    assert_eq!([0, 1, 2].map(|index| demands[index].is_covered()), [false, false, true]);
    assert_eq!(demands[0].charge(), None);
    assert_eq!(places.taken(), 1);
    assert_eq!((watched.balance(NOW).remaining(), bucket.balance(NOW).remaining()), (3, 6));
}

#[test]
fn a_refusal_tells_nothing_of_watched_demands_and_charges_none() {
    let (mut bucket, mut covers, mut short) = (per_minute(1), per_minute(100), per_minute(1));
    let mut places = places(1);
    let cost = Tokens::new(2).unwrap();
    let mut demands = [
        Demand::new(&mut covers, cost).watched(),
        Demand::new(&mut short, cost).watched(),
        Demand::place(&mut places).watched(),
        Demand::new(&mut bucket, cost),
    ];
    let refusal = refused(decide(&mut demands, NOW));
    assert_eq!(refusal.named(), 3);
    assert_eq!([0, 1, 2, 3].map(|index| refusal.refuses(index)), [false, false, false, true]);
    assert!(demands.iter().all(|demand| !demand.is_covered() && demand.charge().is_none()));
    assert_eq!((covers.balance(NOW).remaining(), places.taken()), (100, 0));
}

#[test]
fn a_request_that_is_only_watched_is_always_admitted() {
    let (mut bucket, mut places) = (per_minute(1), places(1));
    let too_many = Tokens::new(AMOUNT_MAX).unwrap();
    for taken in [1, 1] {
        let mut demands =
            [Demand::new(&mut bucket, too_many).watched(), Demand::place(&mut places).watched()];
        assert_eq!(decide(&mut demands, NOW), Decision::Admitted);
        assert_eq!(places.taken(), taken);
    }
    assert_eq!(bucket.balance(NOW).remaining(), 1);
}
