//! The screens that change what is configured.

use harness::TestStack;
use harness::browser::{Browser, Key};
use harness::check;
use harness::control_plane::{ControlPlane, Settings};
use harness::http_client::HttpClient;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::person::{
    asks, choose, configure, fill, overwrite, put, says, tab_to, wait_for_focus, wait_for_place,
};

/// What is told of the field that is wrong, beside it.
async fn wrong(browser: &Browser) -> Value {
    let said = "const field = document.querySelector('[aria-invalid=true]');
        const told = field?.getAttribute('aria-describedby').split(' ').at(-1);
        return field && [field.labels[0].innerText, document.getElementById(told).innerText]";
    browser.script(said, &[]).await
}

/// Sends the form that is filled in, and agrees with what is asked then.
async fn save(browser: &Browser, question: &str) {
    choose(browser, "button", "Save").await;
    asks(browser, question).await;
    wait_for_focus(browser, "button", "Save now").await;
    browser.press(Key::Enter).await;
    browser.wait_until_gone("dialog").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_decides_the_next_request_and_what_is_undone_decides_no_more() {
    let stack = TestStack::start().await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    let request = || stack.proxy().post("/test").client("acme").tokens(1).send();
    browser.go("/").await;
    choose(&browser, "a", "Configure").await;
    says(&browser, "No client is configured.").await;
    choose(&browser, "a", "New client").await;
    browser.wait_for_text("h1", "New client").await;
    fill(&browser, "Id", "acme").await;
    fill(&browser, "Requests a minute", "many").await;
    browser.press(Key::Tab).await;
    says(&browser, "Must be a whole number from 1 to").await;
    let told = wrong(&browser).await;
    assert_eq!(told[0], "Requests a minute", "{told}");
    assert!(told[1].as_str().is_some_and(|text| text.starts_with("Must be a whole")), "{told}");
    browser.is_accessible("a form with a wrong field").await;
    browser.press(Key::Enter).await;
    wait_for_focus(&browser, "input", "Requests a minute").await;
    overwrite(&browser, "6000").await;
    assert_eq!(wrong(&browser).await, Value::Null, "it is right now");
    save(&browser, "Create client acme?").await;
    says(&browser, "Created. In force now, as revision").await;
    for _ in 0..3 {
        check::admitted(&request().await);
    }

    fill(&browser, "Requests a minute", "2").await;
    choose(&browser, "button", "Save").await;
    asks(&browser, "Save client acme?").await;
    asks(&browser, "1 newly refused").await;
    let asked = browser.text("dialog").await;
    for words in ["Requests a minute", "6,000", "of all clients", "acme", "by rpm\t0\t1"] {
        assert!(asked.contains(words), "{words} in {asked}");
    }
    browser.is_accessible("what would have been refused").await;
    browser.press(Key::Enter).await;
    says(&browser, "Saved. In force now").await;
    for _ in 0..2 {
        check::admitted(&request().await);
    }
    check::refused_for_now(&request().await, &check::RPM_EXCEEDED);
    choose(&browser, "button", "Undo").await;
    says(&browser, "Undone. In force now").await;
    check::admitted(&request().await);

    a_limit_and_a_model(&stack, &browser).await;
}

/// Both are made, decide, and the limit is undone.
async fn a_limit_and_a_model(stack: &TestStack, browser: &Browser) {
    let request = async || {
        let body =
            json!({ "model": "gpt-big-1", "messages": [{ "role": "user", "content": "Hi" }] });
        let request = stack
            .proxy()
            .post("/openai/deployments/gpt-big-1/chat/completions")
            .client("acme")
            .tokens(1);
        request.json(&body).send().await
    };
    choose(browser, "a", "Configure").await;
    choose(browser, "a", "New model").await;
    fill(browser, "Name", "big").await;
    tab_to(browser, "textarea", "Patterns").await;
    overwrite(browser, "gpt-big*").await;
    choose(browser, "button", "Save").await;
    asks(browser, "Create model big?").await;
    asks(browser, "All is supposed as it is configured now").await;
    asks(browser, "Newly admitted").await;
    browser.press(Key::Enter).await;
    says(browser, "Created. In force now").await;

    browser.go("/#/edit/new-limit").await;
    fill(browser, "Name", "few-big").await;
    fill(browser, "How many", "1").await;
    tab_to(browser, "input", "One model").await;
    browser.press(Key::Space).await;
    browser.write("big").await;
    save(browser, "Create limit few-big?").await;
    says(browser, "Created. In force now").await;
    check::admitted(&request().await);
    let refused = request().await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.text().contains("few-big"), "{}", refused.text());
    browser.wait_for_text("[aria-labelledby=standing] [data-sum=refused]", "Refused\n1").await;
    browser.wait_for_text("table[aria-label=Buckets] tr", "of all its requests\t0").await;
    choose(browser, "button", "Undo").await;
    says(browser, "Undone.").await;
    wait_for_place(browser, "/#/edit").await;
    check::admitted(&request().await);
}

/// A form of a client, and an operator besides who writes it too.
struct Two {
    browser: Browser,
    other: HttpClient,
    _control_plane: ControlPlane,
    _folder: TempDir,
}

const ACME: &str = "/api/v1/clients/acme";
const FIELD: &str = "Requests a minute";

/// Loses the answer to the next write; of one that is not sent, the write as well.
const LOSE: &str = "
    const [isSent] = arguments;
    const { fetch } = window;
    window.fetch = async (where, options) => {
        if (options?.method !== 'PUT') return fetch(where, options);
        window.fetch = fetch;
        if (isSent) await fetch(where, options);
        throw new TypeError('lost');
    }";

impl Two {
    async fn start() -> Self {
        let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let control_plane = ControlPlane::start(Settings::new(), folder.path().to_owned()).await;
        let other = HttpClient::one_connection_each(control_plane.rest_address());
        let limit =
            json!({ "name": "hourly", "match": { "client": "acme" }, "requests": 9, "per": "1h" });
        let acme = json!({ "rpm": 60, "tpm": 1_000, "group": "org" });
        configure(&other, json!({ "clients": { "acme": acme }, "limits": [limit] })).await;
        let browser = Browser::start(control_plane.rest_address()).await;
        browser.go("/#/edit/clients/acme").await;
        browser.wait_for("form").await;
        Self { browser, other, _control_plane: control_plane, _folder: folder }
    }

    /// Both write: this one in the form, the other one faster.
    async fn both_write(&self, mine: &str, theirs: Value) {
        fill(&self.browser, FIELD, mine).await;
        put(&self.other, ACME, &theirs).await;
        says(&self.browser, "Somebody else wrote it meanwhile.").await;
        choose(&self.browser, "button", "Save").await;
    }

    /// Agrees with what is reviewed: what is there, and what is to be.
    async fn agree(&self, now: &str, then: &str) {
        asks(&self.browser, "Save client acme?").await;
        asks(&self.browser, &format!("{FIELD}\t{now}\t{then}")).await;
        wait_for_focus(&self.browser, "button", "Save now").await;
        self.browser.press(Key::Enter).await;
        self.browser.wait_until_gone("dialog").await;
    }

    async fn in_force(&self) -> Value {
        let acme = self.other.get(ACME).send().await.json();
        json!([acme["rpm"], acme["tpm"], acme["group"]])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_write_nobody_loses_and_nothing_is_left_or_deleted_unasked() {
    let two = Two::start().await;
    let browser = &two.browser;
    browser.expect_error("status of 412");
    two.both_write("77", json!({ "rpm": 88, "tpm": 2_000 })).await;
    asks(browser, "Somebody else changed acme").await;
    for words in ["It was: 60", "Yours: 77", "Theirs: 88"] {
        asks(browser, words).await;
    }
    let asked = browser.text("dialog").await;
    assert!(!asked.contains("2,000"), "what only they changed is theirs: {asked}");
    browser.is_accessible("what two wrote").await;
    tab_to(browser, "input", "Yours: 77").await;
    browser.press(Key::Space).await;
    choose(browser, "button", "Go on").await;
    two.agree("88", "77").await;
    says(browser, "Saved. In force now").await;
    assert_eq!(two.in_force().await, json!([77, 2_000, null]));

    // What only one of both changed is that one's, and nothing is asked.
    two.both_write("99", json!({ "rpm": 77, "tpm": 3_000, "group": "org" })).await;
    asks(browser, "What you did not change stays as they wrote it.").await;
    two.agree("77", "99").await;
    says(browser, "Saved. In force now").await;
    assert_eq!(two.in_force().await, json!([99, 3_000, "org"]));

    // Somebody is faster than who reviews it.
    fill(browser, FIELD, "111").await;
    choose(browser, "button", "Save").await;
    wait_for_focus(browser, "button", "Save now").await;
    put(&two.other, ACME, &json!({ "rpm": 55, "tpm": 3_000, "group": "org" })).await;
    browser.press(Key::Enter).await;
    asks(browser, "Theirs: 55").await;
    tab_to(browser, "input", "Yours: 111").await;
    browser.press(Key::Down).await;
    choose(browser, "button", "Go on").await;
    says(browser, "It stays as somebody else wrote it.").await;
    assert_eq!(two.in_force().await, json!([55, 3_000, "org"]));

    // What became of a write that nobody answered is found out.
    for (is_sent, told) in [(false, "It was not saved"), (true, "Saved. In force now")] {
        browser.script(LOSE, &[json!(is_sent)]).await;
        fill(browser, FIELD, "66").await;
        choose(browser, "button", "Save").await;
        two.agree("55", "66").await;
        says(browser, told).await;
    }
    assert_eq!(two.in_force().await, json!([66, 3_000, "org"]));

    nothing_is_left_unasked(&two).await;
    nothing_is_deleted_unasked(&two).await;
}

async fn nothing_is_left_unasked(two: &Two) {
    let browser = &two.browser;
    fill(browser, FIELD, "5").await;
    choose(browser, "a", "Now").await;
    asks(browser, "Leave without saving?").await;
    wait_for_focus(browser, "button", "Stay").await;
    browser.press(Key::Enter).await;
    browser.wait_until_gone("dialog").await;
    wait_for_place(browser, "/#/edit/clients/acme").await;
    tab_to(browser, "input", FIELD).await;
    assert_eq!(browser.script("return document.activeElement.value", &[]).await, "5");
    choose(browser, "a", "Now").await;
    choose(browser, "button", "Discard changes").await;
    browser.wait_for_text(".shown", "1 client").await;

    // Whoever went back is where that leads, and the next step back leads on from there.
    choose(browser, "a", "Configure").await;
    choose(browser, "a", "acme").await;
    browser.wait_for("form").await;
    fill(browser, FIELD, "5").await;
    browser.script("history.back()", &[]).await;
    choose(browser, "button", "Discard changes").await;
    wait_for_place(browser, "/#/edit").await;
    browser.script("history.back()", &[]).await;
    wait_for_place(browser, "/#/").await;
    assert_eq!(two.in_force().await, json!([66, 3_000, "org"]));
}

async fn nothing_is_deleted_unasked(two: &Two) {
    let browser = &two.browser;
    assert_eq!(two.other.post("/api/v1/clients/acme/keys").send().await.status, 201);
    browser.go("/#/edit/clients/acme").await;
    choose(browser, "button", "Delete client").await;
    for words in [
        "Delete client acme?",
        "1 key: whoever shows one is nobody",
        "its statistics",
        "stays: hourly",
    ] {
        asks(browser, words).await;
    }
    wait_for_focus(browser, "button", "Cancel").await;
    browser.press(Key::Enter).await;
    browser.wait_until_gone("dialog").await;
    assert_eq!(two.other.get(ACME).send().await.status, 200);
    choose(browser, "button", "Delete client").await;
    asks(browser, "With it goes, for good:").await;
    choose(browser, "button", "Delete client").await;
    wait_for_place(browser, "/#/edit").await;
    says(browser, "No client is configured.").await;
    assert_eq!(two.other.get(ACME).send().await.status, 404);
}
