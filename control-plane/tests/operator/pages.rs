//! Lists in pages over REST: as ever without parameters, whole over all pages, and steady while others
//! write.

use proto::api::{ListClientsRequest, ListKeysRequest, ListLimitsRequest, ListTokensRequest};
use serde_json::{Value, json};

use crate::{
    grpc,
    world::{Reply, World},
};

fn parsed(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).expect("JSON")
}

/// Every list, and under which key it has what it lists.
const LISTS: [(&str, &str); 6] = [
    ("clients", "clients"),
    ("stats", "stats"),
    ("limits", "limits"),
    ("models", "models"),
    ("clients/c000/keys", "keys"),
    ("tokens", "tokens"),
];

/// Ten of each, whose names begin with two different letters or more.
async fn listed() -> World {
    let world = World::new();
    for n in 0..10 {
        let letter = if n < 7 { 'c' } else { 'd' };
        world.configure(&format!("{letter}{n:03}"), Some(60), None).await;
        let limit = json!({"match": {"plan": format!("p{n}")}, "concurrent": 1}).to_string();
        let model = json!([format!("m{n}")]).to_string();
        assert_eq!(world.put(&format!("/api/v1/limits/{letter}{n}"), limit).await.status, 201);
        assert_eq!(world.put(&format!("/api/v1/models/{letter}{n}"), model).await.status, 201);
        let token = json!({"name": format!("t{n}"), "scopes": ["read"]}).to_string();
        assert_eq!(world.post("/api/v1/tokens", token).await.status, 201);
        assert_eq!(world.post("/api/v1/clients/c000/keys", "{}").await.status, 201);
    }
    world
}

/// The names on a page, and where to go on.
async fn page(world: &World, path: &str, key: &str, query: &str) -> (Vec<String>, Option<String>) {
    let reply = world.get(&format!("/api/v1/{path}?{query}")).await;
    let list = parsed(&reply);
    let names: Vec<_> = list[key].as_object().expect("an object").keys().cloned().collect();
    assert_eq!(list["count"], names.len(), "{path}?{query}");
    let next = list.get("next_cursor").map(|next| next.as_str().expect("a text").to_owned());
    let fields = list.as_object().expect("an object").len();
    assert_eq!(fields, 2 + usize::from(next.is_some()), "{}", reply.body);
    (names, next)
}

/// The names of all pages of such a size.
async fn pages(
    world: &World,
    path: &str,
    key: &str,
    size: usize,
    prefix: &str,
) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut query = format!("limit={size}&prefix={prefix}");
    loop {
        let (names, next) = page(world, path, key, &query).await;
        pages.push(names);
        match next {
            Some(next) => query = format!("limit={size}&cursor={next}&prefix={prefix}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn without_parameters_lists_are_whole_and_their_pages_are_the_same() {
    let world = listed().await;
    for (path, key) in LISTS {
        let (all, next) = page(&world, path, key, "").await;
        assert_eq!((all.len(), next), (10, None), "{path}");
        assert!(all.is_sorted());
        for (size, lengths) in
            [(1, &[1; 10][..]), (3, &[3, 3, 3, 1]), (5, &[5, 5]), (10, &[10]), (1000, &[10])]
        {
            let pages = pages(&world, path, key, size, "").await;
            let of_pages: Vec<_> = pages.iter().map(Vec::len).collect();
            assert_eq!(of_pages, lengths, "{path} by {size}");
            assert_eq!(pages.concat(), all, "{path} by {size}");
        }
    }
}

#[tokio::test]
async fn a_prefix_leaves_what_begins_with_it() {
    let world = listed().await;
    for (path, key) in LISTS {
        let (all, _) = page(&world, path, key, "").await;
        let prefixes = ["", &all[0][..1], &all[9][..2], &all[4], "~", "a%20b"];
        for prefix in prefixes {
            let begin: Vec<_> =
                all.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
            let (names, next) = page(&world, path, key, &format!("prefix={prefix}")).await;
            assert_eq!((&names, next), (&begin, None), "{path} with {prefix}");
            assert_eq!(pages(&world, path, key, 4, prefix).await.concat(), begin);
        }
    }
}

#[tokio::test]
async fn a_large_list_has_its_pages_in_order_while_clients_come_and_go() {
    let world = World::new();
    for n in 0..500 {
        world.configure(&format!("c{n:03}"), Some(60), None).await;
    }
    for (path, key) in [("clients", "clients"), ("stats", "stats")] {
        let (mut names, mut query) = (Vec::new(), "limit=97".to_owned());
        loop {
            let (of_page, next) = page(&world, path, key, &query).await;
            names.extend(of_page);
            let Some(next) = next else { break };
            // The client at which the page ended goes, and one comes before it: neither moves the rest.
            world.ledger.remove(&next);
            world.configure(&format!("c000-{}", names.len()), None, None).await;
            query = format!("limit=97&cursor={next}");
        }
        assert!(names.is_sorted());
        let is_of_the_first = |name: &&String| name.len() == 4;
        let gone = if path == "clients" { 0 } else { 5 };
        assert_eq!(names.iter().filter(is_of_the_first).count(), 500 - gone, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_page_is_refused_by_name() {
    let world = listed().await;
    for (path, _) in LISTS {
        let cursor =
            "cursor must be the next_cursor of an earlier answer to the same list, or absent, not";
        for (query, message) in [
            ("limit=0", "limit must be an integer from 1 to 1000, not \"0\"".to_owned()),
            ("limit=1001", "limit must be an integer from 1 to 1000, not \"1001\"".to_owned()),
            ("limit=+5", "limit must be an integer from 1 to 1000, not \"+5\"".to_owned()),
            ("limit=%2B5", "limit must be an integer from 1 to 1000, not \"+5\"".to_owned()),
            ("limit=01", "limit must be an integer from 1 to 1000, not \"01\"".to_owned()),
            ("limit=x", "limit must be an integer from 1 to 1000, not \"x\"".to_owned()),
            ("cursor=a%20b", format!("{cursor} \"a b\"")),
            ("cursor=", format!("{cursor} \"\"")),
            // One that another list answered.
            ("prefix=x&cursor=c0", format!("{cursor} \"c0\"")),
            ("limit=1&limit=2", "limit must be given once, not twice".to_owned()),
            ("page=2", "\"page\" is not a parameter: limit, cursor and prefix are".to_owned()),
        ] {
            let reply = world.get(&format!("/api/v1/{path}?{query}")).await;
            reply.is_error(400, "invalid_field", &message);
        }
    }
}

#[tokio::test]
async fn grpc_lists_have_the_same_prefix_and_keys_have_pages() {
    let world = listed().await;
    let served = grpc::serve(&world).await;
    let mut calls = served.client();
    let prefix = || "d".to_owned();
    let request = ListClientsRequest { prefix: prefix(), page_size: 2, ..Default::default() };
    let first = calls.list_clients(request).await.expect("answered").into_inner();
    assert_eq!((first.clients.len(), first.next_page_token.as_deref()), (2, Some("d008")));
    let page_token = "d008".to_owned();
    let request = ListClientsRequest { prefix: prefix(), page_token, page_size: 2 };
    let last = calls.list_clients(request).await.expect("answered").into_inner();
    assert_eq!((last.clients.len(), last.next_page_token), (1, None));
    let request = ListLimitsRequest { prefix: prefix(), ..Default::default() };
    let limits = calls.list_limits(request).await.expect("answered").into_inner().limits;
    assert_eq!(limits.len(), 3);
    let request = ListTokensRequest { page_size: 4, ..Default::default() };
    assert_eq!(calls.list_tokens(request).await.expect("answered").into_inner().tokens.len(), 4);

    let client_id = "c000".to_owned();
    let mut request = ListKeysRequest { client_id, page_size: 4, ..Default::default() };
    let mut keys = Vec::new();
    let next = loop {
        let answer = calls.list_keys(request.clone()).await.expect("answered").into_inner();
        keys.extend(answer.keys.into_iter().map(|key| key.public_part));
        match answer.next_page_token {
            Some(next) => request.page_token = next,
            None => break answer.found,
        }
    };
    assert!(next && keys.is_sorted() && keys.len() == 10, "{keys:?}");
    let (over_rest, _) = page(&world, "clients/c000/keys", "keys", "").await;
    assert_eq!(keys, over_rest);
}
