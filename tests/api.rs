//! The JSON API of the agent: what programs see of it, since when, and who else may see what.

use serde_json::Value;
use ses_exporter::simulator::{Account, Fault, Identity, Region, Trouble, World};

use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, SECRET, production, quick, world};
use crate::support::{Agent, Answer, Aws, command, eventually, run};

const REGIONS: &[&str] = &["eu-west-1", "us-east-1"];

/// The answer of an agent that has looked at everything.
fn asked(agent: &Agent, path: &str) -> Value {
    let answer = eventually("it has looked", || Some(agent.get(path)).filter(|answer| answer.status != 503));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    json(&answer)
}

/// Every answer of the API is JSON, is kept by nobody, and holds no secret.
fn json(answer: &Answer) -> Value {
    let text = answer.text();
    assert_eq!(answer.headers["content-type"], "application/json", "{text}");
    assert_eq!(answer.headers["cache-control"], "no-store", "{text}");
    assert!(!text.contains(SECRET) && !text.contains(KEY), "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The first answer of which `holds`.
fn asked_until(agent: &Agent, path: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(asked(agent, path)).filter(&holds))
}

fn empty() -> World {
    World::empty().with_rate(None)
}

fn account() -> Account {
    Account::new(MAIN, "main").access_key(KEY, SECRET)
}

/// What only an agent that runs can tell.
fn without_since(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !["since", "since_at_least", "as_of"].contains(&name.as_str()));
            fields.values_mut().for_each(without_since);
        }
        Value::Array(items) => items.iter_mut().for_each(without_since),
        _ => {}
    }
}

#[test]
fn the_report_is_that_of_check_and_says_since_when() {
    let region = Region::fresh("us-east-1").identity(Identity::domain("shop.example").status("PENDING"));
    let aws = Aws::start(empty().with_account(account().region(production("eu-west-1").paused()).region(region)));
    let config = quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT;
    let agent = Agent::start(&aws, &config);
    let of_agent = asked(&agent, "/api/v1/check");
    let sending = &of_agent["accounts"][0]["regions"][1]["sending"];
    assert_eq!(sending["since"]["production"]["since_at_least"], true, "{of_agent:#}");
    let pending = &of_agent["accounts"][0]["regions"][1]["identities"]["since"]["shop.example"];
    assert_eq!(pending["since_at_least"], true, "{of_agent:#}");

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, &config).unwrap();
    let mut once = None;
    // A DNS record is wrong from the second look on, so both have to have looked as often.
    eventually("both tell the same", || {
        let said = run(command(&["check", "--json", "--config.file"]).arg(&file).envs(aws.environment()));
        let of_check: Value = serde_json::from_str(&said.out).unwrap();
        assert!(of_check.get("as_of").is_none() && !said.out.contains("since"), "{}", said.out);
        let mut without = asked(&agent, "/api/v1/check");
        without_since(&mut without);
        (without["accounts"][0]["regions"][1]["sending"] == of_check["accounts"][0]["regions"][1]["sending"]).then(
            || {
                once = Some((without, of_check));
            },
        )
    });
    let (of_agent, of_check) = once.unwrap();
    assert_eq!(of_agent["accounts"][0]["caller"], of_check["accounts"][0]["caller"]);
    assert_eq!(of_agent["verdict"], of_check["verdict"]);
    assert_eq!(of_agent["findings"][0], of_check["findings"][0]);
}

#[test]
fn a_change_between_two_readings_is_known_and_failures_do_not_end_it() {
    let aws = Aws::start(world(REGIONS));
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT));
    let enabled = |report: &Value| report["accounts"][0]["regions"][1]["sending"]["since"]["enabled"].clone();
    let before = enabled(&asked(&agent, "/api/v1/check"));
    assert_eq!(before["since_at_least"], true);
    aws.world.change(|world| {
        let region = world.region_mut(MAIN, "us-east-1").unwrap();
        *region = production("us-east-1").paused();
    });
    let paused = asked_until(&agent, "/api/v1/check", "it is paused", |report| report["exit_code"] == 2);
    let since = enabled(&paused);
    assert!(since["since_at_least"].is_null() && since["since"].as_str() >= before["since"].as_str(), "{since}");
    let finding = &paused["findings"][0];
    assert_eq!((&finding["what"], &finding["since"]), (&"sending is paused by the account".into(), &since["since"]));

    aws.world.inject(Fault::new(Trouble::Throttle).operation("GetAccount").region("us-east-1"));
    let failed = |report: &Value| {
        let collectors = report["accounts"][0]["regions"][1]["collectors"].as_array().unwrap();
        collectors.iter().any(|one| one["collector"] == "account" && one["outcome"] == "partly")
    };
    let failing = asked_until(&agent, "/api/v1/check", "it can't be read", failed);
    assert_eq!(enabled(&failing), since);
    aws.world.clear_faults();
    let again = asked_until(&agent, "/api/v1/check", "it is read again", |report| !failed(report));
    assert_eq!(enabled(&again), since, "the state is the same, so it began when it began");
}

#[test]
fn before_the_first_look_it_says_so() {
    let aws = Aws::start(world(REGIONS));
    aws.world.inject(Fault::new(Trouble::Hang).operation("ListEmailIdentities"));
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1m", "1h") + MAIN_ACCOUNT));
    let answer = agent.get("/api/v1/check");
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "2"), "{}", answer.text());
    let sentence = "the agent has not looked at everything yet; try again soon";
    assert_eq!(json(&answer)["error"], sentence);
}

#[test]
fn what_is_asked_wrongly_is_told_in_one_sentence() {
    let aws = Aws::start(world(REGIONS));
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT));
    asked(&agent, "/api/v1/check?");
    for (path, status) in [("/api/v1/check?account=main", 400), ("/api/v2/check", 404), ("/api/", 404)] {
        let answer = agent.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(json(&answer)["error"].as_str().is_some_and(|sentence| !sentence.contains('\n')), "{path}");
    }
}
