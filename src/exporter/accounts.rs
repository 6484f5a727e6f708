//! From configured accounts to accounts whose regions are known: what is left open is filled in from the AWS environment.

use std::collections::{HashMap, HashSet};

use crate::aws::Sdk;
use crate::config::{Config, ConfiguredAccount, Regions};
use crate::target::{Account, REGIONS, partition};

use super::StartError;

/// The home region that the AWS environment named for each profile. Where it names none any more, because the metadata
/// service is away for a moment, what it named before holds: a reload must not take the estate for another one.
#[derive(Default)]
pub(super) struct Homes(HashMap<Option<String>, String>);

impl Homes {
    async fn of(&mut self, profile: Option<&str>, sdk: &Sdk<'_>) -> Option<String> {
        let key = profile.map(str::to_owned);
        match sdk.home(profile).await {
            Some(home) => {
                self.0.insert(key, home.clone());
                Some(home)
            }
            None => self.0.get(&key).cloned(),
        }
    }
}

/// Every account of the configuration, in its order. None of them is a twin of another one.
pub(super) async fn resolve(config: &Config, sdk: &Sdk<'_>, homes: &mut Homes) -> Result<Vec<Account>, StartError> {
    let mut accounts = Vec::new();
    let mut known = HashSet::new();
    for configured in &config.accounts {
        let account = fill_in(config, configured, sdk, homes).await?;
        for region in account.name.iter().flat_map(|_| &account.regions) {
            if !known.insert((account.name.clone(), region.clone())) {
                let (account, region) = (account.name.clone().unwrap_or_default(), region.clone());
                return Err(StartError::Twin { account, region });
            }
        }
        accounts.push(account);
    }
    Ok(accounts)
}

/// Fills in what the configuration left to the AWS environment.
async fn fill_in(
    config: &Config,
    configured: &ConfiguredAccount,
    sdk: &Sdk<'_>,
    homes: &mut Homes,
) -> Result<Account, StartError> {
    let profile = configured.profile.as_deref();
    let regions = configured.regions.as_ref().unwrap_or(&config.aws.regions);
    let mut regions = match regions {
        Regions::List(list) => list.clone(),
        Regions::All => {
            let of_role = configured.role.as_ref().and_then(|role| role.partition()).map(str::to_owned);
            let partition = match of_role {
                Some(partition) => partition,
                None => partition(&homes.of(profile, sdk).await.unwrap_or_default()).to_owned(),
            };
            let inside = REGIONS.iter().filter(|region| region.partition == partition);
            inside.map(|region| region.name.to_owned()).collect()
        }
        Regions::FromEnvironment => {
            let home = homes.of(profile, sdk).await;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if home.as_ref().is_some_and(|home| home.is_empty() || !home.chars().all(plain)) {
                return Err(StartError::NotARegion);
            }
            home.into_iter().collect()
        }
    };
    for region in &config.also {
        let of_account = regions.first().is_none_or(|first| partition(first) == partition(region));
        if of_account && !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    if regions.is_empty() {
        return Err(StartError::NoRegion);
    }
    let name = configured.name.clone();
    let name = name.or_else(|| configured.role.as_ref().and_then(|role| role.account_id()).map(str::to_owned));
    Ok(Account { name, role: configured.role.clone(), profile: configured.profile.clone(), regions })
}

/// Says loudly what is polled: a region that nobody chose is the commonest trap.
pub(super) fn announce(account: &Account) {
    let name = account.name.as_deref().or(account.profile.as_deref()).unwrap_or("default");
    let role = account.role.as_ref().map(|role| role.arn.as_str());
    tracing::info!(account = name, role, "polling account {name} in {}", account.regions.join(", "));
}
