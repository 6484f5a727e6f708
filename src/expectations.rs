//! What the operator expects of the estate: which regions are in production, who may send to whom, what stands by.
//!
//! Plain values, checked by the configuration. They say what ought to be and never what is: nothing here knows AWS.

/// Everything that was declared. Each list is empty where nothing was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectations {
    /// Every `[[expect]]`, in the order of the file.
    pub regions: Vec<Expect>,
    /// Every `[[send_paths]]`, in the order of the file.
    pub send_paths: Vec<SendPath>,
    /// Every `[[failover]]`, in the order of the file.
    pub failovers: Vec<Failover>,
}

/// Accounts by the value of their label `account` or by their id; empty = all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts(pub Vec<String>);

/// One `[[expect]]`: in which state these regions of these accounts are meant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The accounts.
    pub accounts: Accounts,
    /// The regions' codes; never empty.
    pub regions: Vec<String>,
    /// The state that each of them is meant to have.
    pub state: State,
    /// The identities that each of them is meant to have, verified.
    pub identities: Vec<ExpectedIdentity>,
    /// Whether any other identity is one too many.
    pub exhaustive: bool,
    /// The smallest quota that will do, in messages in 24 hours, counted in recipients as SES does.
    pub minimum_quota: Option<u32>,
}

/// What a region is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Sends to anyone.
    Production,
    /// Sends to verified recipients only, on purpose.
    Sandbox,
    /// Sends nothing.
    Unused,
}

/// An identity that is meant to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedIdentity {
    /// A domain, in lower case, or an address, its domain in lower case.
    pub name: String,
    /// The value of the label `identity`; none where addresses are kept out of labels.
    pub label: Option<String>,
}

/// One `[[send_paths]]`: mail that is meant to get through.
#[derive(Clone, Debug, PartialEq)]
pub struct SendPath {
    /// What people call it; no other path has this name.
    pub name: String,
    /// The sender: an address or a domain.
    pub from: String,
    /// The recipients.
    pub to: Recipients,
    /// The accounts that it is sent from.
    pub accounts: Accounts,
    /// The regions that it is sent from, as codes; never empty.
    pub regions: Vec<String>,
    /// The configuration set that each mail names.
    pub configuration_set: Option<String>,
    /// How much is sent in 24 hours, counted in recipients.
    pub daily_messages: Option<u32>,
    /// The highest rate, in messages a second.
    pub peak_messages_per_second: Option<f64>,
}

/// To whom a send path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// Anyone, which takes production access.
    Any,
    /// These addresses, and anyone at these domains; never empty.
    Only(Vec<String>),
}

/// One `[[failover]]`: a region that is meant to take over from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// The accounts.
    pub accounts: Accounts,
    /// The code of the region that sends.
    pub primary: String,
    /// The code of the region that stands by; another one.
    pub standby: String,
}

/// What all declarations together say about one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared<'a> {
    /// The state; none where no `[[expect]]` is about the target.
    pub state: Option<State>,
    /// The identities of all of them, sorted by name, none twice.
    pub identities: Vec<&'a ExpectedIdentity>,
    /// Whether one of them is exhaustive.
    pub exhaustive: bool,
    /// The smallest quota that will do, in messages in 24 hours.
    pub minimum_quota: Option<u32>,
    /// The paths that send from here.
    pub send_paths: Vec<&'a SendPath>,
    /// The failovers from here or to here.
    pub failovers: Vec<&'a Failover>,
}

impl State {
    /// Every state, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Production, Self::Sandbox, Self::Unused];

    /// The word of the configuration and of the label `expected`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Sandbox => "sandbox",
            Self::Unused => "unused",
        }
    }
}

impl Accounts {
    /// Whether the account with this label and this id is one of them. Of what is not known yet nothing matches.
    pub fn include(&self, account: Option<&str>, account_id: Option<&str>) -> bool {
        let named = |known: Option<&str>| known.is_some_and(|known| self.0.iter().any(|one| one == known));
        self.0.is_empty() || named(account) || named(account_id)
    }

    /// Whether an account whose id is not known yet may turn out to be one of them.
    fn may_include(&self, account: Option<&str>, account_id: Option<&str>) -> bool {
        let by_id = || self.0.iter().any(|one| is_account_id(one));
        self.include(account, account_id) || (account_id.is_none() && by_id())
    }
}

/// Whether a text is of the form of an account's id.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Failover {
    /// Whether it leads from this region or to it.
    pub fn concerns(&self, region: &str) -> bool {
        self.primary == region || self.standby == region
    }
}

impl Expectations {
    /// What was declared about the account with this label and this id in this region. Where an id that nobody knew
    /// brings two states together, which the configuration could not see, the first one counts.
    pub fn for_target(&self, account: Option<&str>, account_id: Option<&str>, region: &str) -> Declared<'_> {
        let here = |accounts: &Accounts| accounts.include(account, account_id);
        let mut declared = Declared::default();
        for expect in self.regions.iter().filter(|one| holds(&one.regions, region) && here(&one.accounts)) {
            declared.state.get_or_insert(expect.state);
            declared.identities.extend(&expect.identities);
            declared.exhaustive |= expect.exhaustive;
            declared.minimum_quota = declared.minimum_quota.max(expect.minimum_quota);
        }
        declared.identities.sort_by(|one, other| one.name.cmp(&other.name));
        declared.identities.dedup_by(|later, first| later.name == first.name);
        let paths = self.send_paths.iter().filter(|path| holds(&path.regions, region) && here(&path.accounts));
        declared.send_paths = paths.collect();
        let failovers = self.failovers.iter().filter(|pair| pair.concerns(region) && here(&pair.accounts));
        declared.failovers = failovers.collect();
        declared
    }

    /// Whether anything is declared about this target, or may be: while the account's id is not known, every id in the
    /// declarations may be its own.
    pub fn may_concern(&self, account: Option<&str>, account_id: Option<&str>, region: &str) -> bool {
        let here = |accounts: &Accounts| accounts.may_include(account, account_id);
        self.regions.iter().any(|one| holds(&one.regions, region) && here(&one.accounts))
            || self.send_paths.iter().any(|path| holds(&path.regions, region) && here(&path.accounts))
            || self.failovers.iter().any(|pair| pair.concerns(region) && here(&pair.accounts))
    }
}

fn holds(regions: &[String], region: &str) -> bool {
    regions.iter().any(|one| one == region)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "111111111111";

    fn expect(accounts: &[&str], region: &str, identities: &[&str]) -> Expect {
        let identity = |name: &&str| ExpectedIdentity { name: (*name).to_owned(), label: None };
        Expect {
            accounts: Accounts(accounts.iter().map(ToString::to_string).collect()),
            regions: vec![region.to_owned()],
            state: State::Production,
            identities: identities.iter().map(identity).collect(),
            exhaustive: false,
            minimum_quota: None,
        }
    }

    #[test]
    fn an_account_goes_by_its_name_or_its_id_and_an_empty_list_means_all() {
        let accounts = |names: &[&str]| Accounts(names.iter().map(ToString::to_string).collect());
        for (names, account, id, expected) in [
            (&[][..], None, None, true),
            (&["shop"], Some("shop"), None, true),
            (&["shop"], Some("labs"), Some(ID), false),
            (&["labs", ID], Some("shop"), Some(ID), true),
            (&[ID], Some("shop"), None, false),
        ] {
            assert_eq!(accounts(names).include(account, id), expected, "{names:?} {account:?} {id:?}");
        }
    }

    #[test]
    fn declarations_about_one_target_add_up() {
        let quota = Expect { minimum_quota: Some(50), exhaustive: true, ..expect(&["shop"], "eu-west-1", &["b", "a"]) };
        let regions = vec![expect(&[], "eu-west-1", &["c", "a"]), quota, expect(&[], "eu-west-2", &["z"])];
        let expectations = Expectations { regions, ..Expectations::default() };
        let shop = expectations.for_target(Some("shop"), None, "eu-west-1");
        let names: Vec<_> = shop.identities.iter().map(|identity| identity.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!((shop.state, shop.exhaustive, shop.minimum_quota), (Some(State::Production), true, Some(50)));
        let labs = expectations.for_target(Some("labs"), None, "eu-west-1");
        assert_eq!((labs.exhaustive, labs.minimum_quota, labs.identities.len()), (false, None, 2));
        assert_eq!(expectations.for_target(Some("shop"), None, "us-east-1"), Declared::default());
    }

    #[test]
    fn a_failover_is_about_both_its_regions() {
        let pair = Failover {
            accounts: Accounts::default(),
            primary: "eu-west-1".to_owned(),
            standby: "eu-central-1".to_owned(),
        };
        let expectations = Expectations { failovers: vec![pair], ..Expectations::default() };
        for (region, count) in [("eu-west-1", 1), ("eu-central-1", 1), ("us-east-1", 0)] {
            assert_eq!(expectations.for_target(None, None, region).failovers.len(), count, "{region}");
            assert_eq!(expectations.may_concern(None, None, region), count == 1, "{region}");
        }
    }

    #[test]
    fn until_the_id_is_known_every_id_may_be_meant() {
        let expectations = Expectations { regions: vec![expect(&[ID], "eu-west-1", &[])], ..Expectations::default() };
        assert!(expectations.may_concern(None, None, "eu-west-1"));
        assert!(!expectations.may_concern(None, Some("222222222222"), "eu-west-1"));
        assert!(!expectations.may_concern(None, None, "eu-west-2"));
    }
}
