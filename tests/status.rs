//! The status page of an agent: what it answers, what it leaves out, and that nothing in it acts on its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ses_exporter::simulator::{Account, Fault, Identity, Region, Trouble, World};
use sha2::{Digest, Sha256};

use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, SECRET, production, quick, world};
use crate::support::{Agent, Answer, Aws, eventually};

const REGION: &str = "eu-west-1";

fn aws(regions: impl IntoIterator<Item = Region>) -> Aws {
    let account = Account::new(MAIN, "main").access_key(KEY, SECRET);
    let account = regions.into_iter().fold(account, Account::region);
    Aws::start(World::empty().with_rate(None).with_account(account))
}

fn start(aws: &Aws, regions: &[&str], more: &str) -> Agent {
    Agent::start(aws, &(quick(aws, regions, "1s", "1h") + more + MAIN_ACCOUNT))
}

/// The page of an agent that has looked at everything.
#[track_caller]
fn page(agent: &Agent, path: &str) -> String {
    page_with(agent, path, "")
}

/// The first of those that says this.
#[track_caller]
fn page_with(agent: &Agent, path: &str, words: &str) -> String {
    eventually(words, || {
        let answer = agent.get(path);
        assert_eq!(answer.status, 200, "{}", answer.text());
        Some(answer.text()).filter(|text| !text.contains("The first look is not over") && text.contains(words))
    })
}

fn answer(page: &str) -> &str {
    let (_, behind) = page.split_once("<h1").unwrap();
    behind.split_once('>').unwrap().1.split_once('<').unwrap().0
}

/// Where these words stand in this order.
#[track_caller]
fn in_order(page: &str, words: &[&str]) {
    let mut rest = page;
    for word in words {
        rest = rest.split_once(word).unwrap_or_else(|| panic!("{word} does not follow in {rest}")).1;
    }
}

#[test]
fn it_answers_first_then_tells_what_mends_it_and_then_what_is_so() {
    let pending = Region::fresh("us-east-1").identity(Identity::domain("shop.example").status("PENDING"));
    let idle = ["eu-west-2", "eu-west-3", "us-east-2", "us-west-2"].map(Region::fresh);
    let all = [production(REGION).paused(), pending].into_iter().chain(idle);
    let regions = [REGION, "us-east-1", "eu-west-2", "eu-west-3", "us-east-2", "us-west-2"];
    let (aws, path) = (
        aws(all),
        "[[send_paths]]\nname = \"orders\"\nfrom = \"a@shop.example\"\naccounts = [\"main\"]\nregions = [\"eu-west-1\"]\n",
    );
    let agent = start(&aws, &regions, path);
    let page = page_with(&agent, "/", "paused by you");
    assert_eq!(answer(&page), "1 of 2 regions in use cannot send as it should");
    let command = "put-account-sending-attributes</span> <span>--sending-enabled"; // each word stays whole
    in_order(
        &page,
        &["1 account, 6 regions read", "sending is paused by the account", "for at least", command, "paused by you"],
    );
    in_order(&page, &["paused by you", "0 of 50,000", "SESSendingPaused.md", "4 regions in the sandbox", "eu-west-2"]);
    let console = "https://eu-west-1.console.aws.amazon.com/ses/home?region=eu-west-1#/account";
    in_order(&page, &[console, "Identities", "shop.example", "pending", "SESIdentityPendingTooLong.md"]);
    in_order(&page, &["id=\"paths\"", "orders", "no", command, "SESSendPathBlocked.md"]);
    in_order(&page, &["id=\"freshness\"", "identity_details", "6 of 6", env!("CARGO_PKG_VERSION"), "./metrics"]);
    assert!(!page.contains(SECRET) && !page.contains(KEY), "{page}");
}

#[test]
fn all_is_well_in_one_sentence() {
    let aws = aws([production(REGION)]);
    let agent = start(&aws, &[REGION], "");
    assert_eq!(answer(&page(&agent, "/?identity=nothing")), "The one region in use can send");
}

#[test]
fn before_the_first_look_is_over_it_says_so() {
    let aws = Aws::start(world(&[REGION]));
    aws.world.inject(Fault::new(Trouble::Hang).operation("GetAccount"));
    let agent = start(&aws, &[REGION], "");
    let answer = agent.get("/");
    assert_eq!(answer.status, 200);
    assert!(self::answer(&answer.text()).starts_with("The first look is not over: "), "{}", answer.text());
}

/// What a browser does by itself is loading, running and obeying styles; nothing of the kind may stand in the page but the
/// one style whose hash the policy has.
#[track_caller]
fn does_nothing_by_itself(answer: &Answer) {
    let text = answer.text();
    for word in
        ["<script", "<link", "<img", "<iframe", "http-equiv", " src=", " style=", " onload=\"", "url(", "@import"]
    {
        assert!(!text.contains(word), "{word} in {text}");
    }
    let style = text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = STANDARD.encode(Sha256::digest(style));
    let policy = &answer.headers["content-security-policy"];
    assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}'; ")), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let told = ["cache-control", "referrer-policy", "x-content-type-options"].map(|name| answer.headers[name].as_str());
    assert_eq!(told, ["no-store", "no-referrer", "nosniff"]);
}

#[test]
fn names_from_outside_stay_text() {
    let name = "<script>alert('&1')</script>\".example";
    let aws = aws([production(REGION).identity(Identity::domain(name).status("FAILED"))]);
    let agent = start(&aws, &[REGION], "");
    let path = "/?identity=%3Cscript%3E&account=%22%3E%3Cscript%3E";
    page_with(&agent, "/", "&lt;script&gt;alert('&amp;1')&lt;/script&gt;&quot;.example");
    for path in ["/", path, "/?identity=%22+onload=%22"] {
        does_nothing_by_itself(&agent.get(path));
    }
    assert!(page(&agent, path).contains("value=\"&lt;script&gt;\""));
}

#[test]
fn it_looks_again_only_where_somebody_asks_for_it() {
    let aws = Aws::start(world(&[REGION]));
    let agent = start(&aws, &[REGION], "");
    assert_eq!(agent.get("/").headers.get("refresh"), None);
    let refreshed = agent.get("/?refresh=on");
    assert_eq!(refreshed.headers["refresh"], "60");
    assert!(refreshed.text().contains("Stop that"));
}

/// The names in the rows of the identities.
fn identities(page: &str) -> Vec<&str> {
    let (_, section) = page.split_once("id=\"identities\"").unwrap();
    let section = section.split_once("id=\"paths\"").unwrap().0;
    let rows = section.split("<th class=\"name\" scope=\"row\" role=\"rowheader\">").skip(1);
    rows.map(|row| row.split_once('<').unwrap().0).collect()
}

fn many(count: usize) -> Region {
    let region = Region::production(REGION, 50_000.0, 14.0).identity(Identity::domain("zz.example").status("FAILED"));
    (0..count).fold(region, |region, number| region.identity(Identity::domain(format!("d{number:05}.example"))))
}

#[test]
fn identities_are_told_a_page_at_a_time_and_those_with_a_fault_first() {
    let aws = aws([many(119), production("us-east-1")]);
    let agent = start(&aws, &[REGION, "us-east-1"], "");
    let first = page_with(&agent, "/", "121 identities, 1 with a fault, those come first. Page 1 of 3.");
    let names = identities(&first);
    assert_eq!((names.len(), &names[..2]), (50, &["zz.example", "d00000.example"][..]));
    assert!(first.contains("href=\"?page=3#identities\""), "{first}");
    let last = page(&agent, "/?page=3");
    assert_eq!((identities(&last).len(), identities(&last)[20]), (21, "shop.example"));
    assert_eq!(identities(&page(&agent, "/?page=99")), identities(&last), "beyond the end is the end");
    let both: Vec<String> = ["/", "/?page=2", "/?page=3"].iter().map(|path| page(&agent, path)).collect();
    let mut each: Vec<&str> = both.iter().flat_map(|page| identities(page)).collect();
    each.sort_unstable();
    each.dedup();
    assert_eq!(each.len(), 121, "every identity is on one page");
    assert_eq!(identities(&page(&agent, "/?identity=D0011")).len(), 9);
    assert_eq!(identities(&page(&agent, "/?region=us-east-1&account=main")), ["shop.example"]);
    assert!(identities(&page(&agent, "/?account=other")).is_empty());
}

#[test]
fn a_page_of_ten_thousand_identities_is_as_small_as_one_of_a_hundred() {
    let aws = aws([many(9_999)]);
    let list_alone = "dns.enabled = false\nidentity_details.enabled = false\n[identities]\nmax_per_region = 10000\n";
    let agent = start(&aws, &[REGION], list_alone);
    let page = page_with(&agent, "/", "10,000 identities");
    assert!(page.len() < 100_000, "{} bytes", page.len());
    assert_eq!(identities(&page).len(), 50);
}

#[test]
fn every_row_leads_to_its_metrics_its_runbook_and_the_console() {
    let aws = aws([production(REGION).identity(Identity::domain("brand.example").status("FAILED"))]);
    let agent = start(&aws, &[REGION], "");
    let page = page_with(&agent, "/", "brand.example");
    let metrics = "./metrics#:~:text=account%3D%22main%22%2Caws%5Fregion%3D%22eu%2Dwest%2D1%22";
    in_order(&page, &["id=\"regions\"", &format!("href=\"{metrics}\""), "#/account", "id=\"identities\""]);
    let identity = format!("href=\"{metrics}%2Cidentity%3D%22brand%2Eexample%22\"");
    in_order(&page, &["id=\"identities\"", &identity, "#/identities", "SESIdentityVerificationFailed.md"]);
    // What is looked for stands there like that.
    let series = "account=\"main\",aws_region=\"eu-west-1\",identity=\"brand.example\"";
    assert!(agent.get("/metrics").text().contains(series));
}

#[test]
fn addresses_are_shown_as_the_configuration_says_and_nowhere_otherwise() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "0123456789abcdef0123456789abcdef").unwrap();
    let addresses = ["ann@brand.example", "bob@brand.example"].map(Identity::email_address);
    let [ann, bob] = addresses;
    let aws = aws([production(REGION).identity(ann.status("FAILED")).identity(bob)]);
    let declared = "[[expect]]\nregions = [\"eu-west-1\"]\nstate = \"production\"\nidentities = [\"ann@brand.example\"]\n\
                    [[send_paths]]\nname = \"orders\"\nfrom = \"ann@brand.example\"\nregions = [\"eu-west-1\"]\n";
    let hashed = format!("email_addresses = \"hashed\"\nhash_key_file = \"{}\"\n", key.path().display());
    for (setting, shown) in [(hashed.as_str(), false), ("email_addresses = \"none\"\n", false), ("", true)] {
        // AWS names the address that it refuses.
        let denied = Fault::new(Trouble::Deny).operation("GetEmailIdentity");
        aws.world.inject(denied);
        let agent = start(&aws, &[REGION], &format!("[identities]\n{setting}{declared}"));
        page_with(&agent, "/", "denied");
        for path in ["/", "/?identity=brand", "/api/v1/check", "/api/v1/estate", "/api/v1/estate?limit=1", "/metrics"] {
            let answer = agent.get(path);
            assert_eq!(answer.status, 200, "{path}");
            let text = answer.text();
            assert!(
                text.contains("brand.example") || setting.contains("none") || path.contains("limit"),
                "{path}: {text}"
            );
            for name in ["ann@", "ann%40", "bob@"] {
                assert!(shown || !text.contains(name), "{setting}{path} tells {name}: {text}");
            }
        }
        assert_eq!(page(&agent, "/").contains("ann@brand.example"), shown);
        aws.world.clear_faults();
    }
}
