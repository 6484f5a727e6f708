//! The stage of the drill: the simulated AWS, the agents, Prometheus and Alertmanager, all real and all on the
//! loopback.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use ses_exporter::simulator::{Account, Identity, Region, Role, World};

use super::acts::{Act, Change, MOST_IDENTITIES, REGION, domain};
use super::scale::scaled;
use crate::support::programs::{Program, installed};
use crate::support::rules::deployed;
use crate::support::{Agent, Aws, get, send};

/// Right records are looked at again after this: no more often than is needed to see one go.
const DNS_TTL: Duration = Duration::from_secs(10);
/// The account whose key the agents have.
const CALLER: &str = "111111111111";
/// The account of an agent that is not told who it is.
const NAMELESS: &str = "222222222222";
/// The keys of these two.
const KEYS: [(&str, &str); 2] = [(CALLER, "AKIAEXAMPLECALLER000"), (NAMELESS, "AKIAEXAMPLENAMELESS0")];
/// Accounts in which no alert may come up, whatever happens.
pub(super) const QUIET: [&str; 4] = ["quiet-outage", "quiet-missed-poll", "quiet-batch", "quiet-known"];
/// The account of an agent that loses sight of everything.
pub(super) const BLIND: &str = "blind";

/// The name of an act's account: labels are easier to read without a space.
pub(super) fn account_of(alert: &str) -> String {
    alert.replace(' ', "-")
}

/// All accounts but the two with keys: names and regions. An account's id follows from its place.
fn places(acts: &[Act]) -> Vec<(String, Vec<Region>)> {
    let plain = |name: &str| {
        let region = Region::production(REGION, 10_000.0, 14.0);
        (name.to_owned(), vec![region.identity(Identity::domain(format!("{name}.test")))])
    };
    let driven = acts.iter().map(|act| (account_of(act.alert), act.regions.clone()));
    driven.chain(QUIET.into_iter().chain([BLIND]).map(plain)).collect()
}

fn id(place: usize) -> String {
    format!("{:012}", 300_000_000_000 + place)
}

/// The world in which nothing is wrong yet.
pub(super) fn world(acts: &[Act]) -> World {
    let mut world = World::empty().with_rate(None).with_dns_ttl(DNS_TTL);
    for (id, key) in KEYS {
        let account = Account::new(id, id).access_key(key, "secret").region(Region::production(REGION, 100.0, 1.0));
        world = world.with_account(account);
    }
    for (place, (name, regions)) in places(acts).into_iter().enumerate() {
        let roles = KEYS.iter().map(|(caller, _)| (*caller).to_owned()).collect();
        let role = Role { name: "ses-exporter".to_owned(), trusts: roles, external_id: None };
        let account = Account::new(&id(place), &name).role(role);
        world = world.with_account(regions.into_iter().fold(account, Account::region));
    }
    with_dmarc(world)
}

/// Which DMARC policy a zone has depends on the seed: one is looked for with which the alert on DKIM has both its
/// severities.
fn with_dmarc(world: World) -> World {
    let asks = |world: &World, alert: &str| {
        let records = world.dns_records(&domain(alert)).expect("the zone of an identity");
        !records.iter().any(|(name, _, value)| name.starts_with("_dmarc.") && value.ends_with("p=none"))
    };
    let mut world = world;
    for seed in 0.. {
        world = world.with_seed(seed);
        if asks(&world, "SESDkimBroken critical") && !asks(&world, "SESDkimBroken warning") {
            break;
        }
    }
    world
}

/// The accounts of a configuration by name, with their regions.
fn accounts(acts: &[Act], wanted: impl Fn(&str) -> bool) -> String {
    let mut sections = String::new();
    for (place, (name, regions)) in places(acts).into_iter().enumerate().filter(|(_, (name, _))| wanted(name)) {
        let (id, regions) = (id(place), regions.iter().map(|region| region.name.clone()).collect::<Vec<_>>());
        let _ = writeln!(sections, "[[accounts]]\nname = \"{name}\"\nregions = {regions:?}");
        let _ = writeln!(sections, "role_arn = \"arn:aws:iam::{id}:role/ses-exporter\"");
    }
    sections
}

/// Sections that make an agent quick. The first interval is for what is read in slices, of which fifteen make a pass.
fn quick(aws: &Aws, slices: u32, others: u32, stale_after: u32) -> String {
    let interval = |name: &str| {
        let in_slices = ["identity_details", "configuration_sets"].contains(&name);
        format!("{name}.interval = \"{}s\"\n", if in_slices { slices } else { others })
    };
    let names = ses_exporter::collectors::ALL.iter().map(|row| row.declaration.name);
    let intervals: String = names.map(interval).collect();
    format!(
        "[aws]\nregions = [\"{REGION}\"]\nendpoint_url = \"{}\"\n\
         [dns]\nresolvers = [\"{}\"]\nqueries_per_second = 1000\n\
         [poll]\nattempt_timeout = \"1m\"\nstale_after = \"{stale_after}s\"\n\
         [budget]\nrequests_per_second = 200\nburst = 100\n\
         [identities]\nmax_per_region = {MOST_IDENTITIES}\n[collectors]\n{intervals}",
        aws.simulator.url(),
        aws.simulator.dns_address(),
    )
}

/// What an act declares, for its account alone.
fn declared(act: &Act) -> String {
    act.declared
        .lines()
        .map(|line| {
            let regions = if line == "[[failover]]" { String::new() } else { format!("regions = [\"{REGION}\"]\n") };
            let account = format!("accounts = [\"{}\"]\n", account_of(act.alert));
            if line.starts_with("[[") { format!("{line}\n{account}{regions}") } else { format!("{line}\n") }
        })
        .collect()
}

fn start(key: usize, config: &str, listen: Option<SocketAddr>) -> Agent {
    let environment = [("AWS_ACCESS_KEY_ID", KEYS[key].1.to_owned()), ("AWS_SECRET_ACCESS_KEY", "secret".to_owned())];
    let also = listen.map(|address| address.to_string()).unwrap_or_default();
    let arguments = if also.is_empty() { vec![] } else { vec!["--web.listen-address", also.as_str()] };
    Agent::start_with(&environment, config, &arguments)
}

/// The agent that watches the acts. A reading that is a minute old is dropped.
pub(super) fn watcher(aws: &Aws, acts: &[Act]) -> Agent {
    let driven: Vec<String> = acts.iter().map(|act| account_of(act.alert)).collect();
    let accounts = accounts(acts, |name| driven.iter().any(|driven| driven == name) || name == "quiet-batch");
    let declared: String = acts.iter().map(declared).collect();
    start(0, &format!("{}{accounts}{declared}", quick(aws, 3, 5, 60)), None)
}

/// The agent that is killed, and started again where it was.
pub(super) fn mortal(aws: &Aws, acts: &[Act], listen: SocketAddr) -> Agent {
    let declared = "[[expect]]\naccounts = [\"quiet-outage\"]\nregions = [\"eu-west-1\"]\nstate = \"production\"\n\
                    identities = [\"quiet-outage.test\"]\nexhaustive = true\nminimum_quota = 10000\n\
                    [[send_paths]]\nname = \"orders\"\nfrom = \"orders@quiet-outage.test\"\n\
                    accounts = [\"quiet-outage\"]\nregions = [\"eu-west-1\"]\n";
    let accounts = accounts(acts, |name| ["quiet-outage", "quiet-missed-poll"].contains(&name));
    start(0, &format!("{}{accounts}{declared}", quick(aws, 3, 3, 60)), Some(listen))
}

/// The agent that has one account, and soon no reading of it.
pub(super) fn blind(aws: &Aws, acts: &[Act]) -> Agent {
    start(0, &format!("{}{}", quick(aws, 3, 3, 15), accounts(acts, |name| name == BLIND)), None)
}

/// The agent that is to find out by itself whose credentials it has.
pub(super) fn nameless(aws: &Aws, acts: &[Act]) -> Agent {
    let accounts = accounts(acts, |name| name == "quiet-known");
    start(1, &format!("{}[[accounts]]\n{accounts}", quick(aws, 3, 3, 60)), None)
}

/// Alertmanager with our inhibitions, which tells the receiver everything at once.
pub(super) fn alertmanager(receiver: SocketAddr) -> Program {
    let deployed = deployed("alertmanager.yaml");
    let (_, inhibitions) = deployed.split_once("inhibit_rules:").expect("inhibitions at the end of the file");
    let config = format!(
        "route: {{receiver: drill, group_by: ['...'], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}\n\
         receivers: [{{name: drill, webhook_configs: [{{url: 'http://{receiver}/', send_resolved: true}}]}}]\n\
         inhibit_rules:{inhibitions}"
    );
    Program::start("alertmanager", "/-/ready", |address, directory| {
        let file = directory.join("alertmanager.yaml");
        std::fs::write(&file, &config).unwrap();
        let mut command = installed("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=");
        command
    })
}

/// Prometheus with our rules in fast motion.
pub(super) fn prometheus(targets: &[SocketAddr], alertmanager: SocketAddr) -> Program {
    let targets: Vec<String> = targets.iter().map(SocketAddr::to_string).collect();
    let config = format!(
        "global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}}\nrule_files: ['*.rules']\n\
         scrape_configs: [{{job_name: ses-exporter, static_configs: [{{targets: {targets:?}}}]}}]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n"
    );
    Program::start("prometheus", "/-/ready", |address, directory| {
        let file = directory.join("prometheus.yaml");
        std::fs::write(&file, &config).unwrap();
        for rules in ["ses-exporter.rules", "ses-exporter.alerts"] {
            let text = scaled(&deployed(&format!("{rules}.yaml")));
            std::fs::write(directory.join(format!("{rules}.rules")), text).unwrap();
        }
        let mut command = installed("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--rules.alert.resend-delay=10s");
        command
    })
}

/// The hand that changes the world, over the simulator's control API.
pub(super) struct Hand<'a> {
    pub(super) aws: &'a Aws,
    pub(super) acts: &'a [Act],
}

impl Hand<'_> {
    /// One order, and its answer.
    #[track_caller]
    pub(super) fn order(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/_simulator/{path}");
        let answer = send(self.aws.simulator.address(), method, &path, &[], body.as_bytes());
        assert_eq!(answer.status, 200, "{method} {path} {body}: {}", answer.text());
        serde_json::from_str(&answer.text()).unwrap()
    }

    /// The id of an account by its name.
    pub(super) fn id(&self, name: &str) -> String {
        id(places(self.acts).iter().position(|(known, _)| known == name).expect("an account of that name"))
    }

    /// Makes an act's alert true, or takes it back. Faults are told by their number.
    pub(super) fn play(&self, act: &Act, make: bool, fault: &mut Option<Value>) {
        let account = self.id(&account_of(act.alert));
        let region = act.regions.last().expect("a region").name.clone();
        let place = format!("accounts/{account}/regions/{region}");
        match &act.change {
            Change::Account(there, back) => drop(self.order("PATCH", &place, if make { there } else { back })),
            Change::Thing(kind, name, there, back) => {
                let path = format!("{place}/{kind}/{name}");
                match if make { there } else { back } {
                    Some(thing) => drop(self.order("PUT", &path, thing)),
                    None => drop(self.order("DELETE", &path, &Value::Null)),
                }
            }
            Change::Aws(trouble) => {
                let mut trouble = trouble.clone();
                trouble["account"] = account.into();
                self.fault("faults", &trouble, make, fault);
            }
            Change::Dns(trouble) => self.fault("dns/faults", trouble, make, fault),
            Change::Sent(there, back) => {
                let sending = if make { there } else { back }.clone();
                self.aws.world.change(|world| world.region_mut(&account, &region).unwrap().sending = sending);
            }
        }
    }

    /// Puts a fault in force, or removes it by its number.
    pub(super) fn fault(&self, faults: &str, trouble: &Value, make: bool, number: &mut Option<Value>) {
        if make {
            *number = Some(self.order("POST", faults, trouble)["id"].clone());
        } else {
            let number = number.take().expect("a fault in force");
            self.order("DELETE", &format!("{faults}/{number}"), &json!(null));
        }
    }
}

/// The value of a PromQL expression, if it has one.
pub(super) fn ask(prometheus: &Program, promql: &str) -> Option<f64> {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("query", promql).finish();
    let answer = get(prometheus.address, &format!("/api/v1/query?{query}"), &[]);
    assert_eq!(answer.status, 200, "{promql}: {}", answer.text());
    let told: Value = serde_json::from_str(&answer.text()).unwrap();
    told["data"]["result"][0]["value"][1].as_str().and_then(|value| value.parse().ok())
}
