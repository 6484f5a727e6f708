//! The list `[[accounts]]`: which AWS accounts, and how to get into each.

use super::reader::{Document, Placed, Value, Written, Wrong, text};
use super::section::{Section, Shape, optional};
use super::{Aws, ConfiguredAccount, Regions, regions};
use crate::target::{REGIONS, Role, partition};

pub(super) const SECTION: Section = Section {
    name: "accounts",
    shape: Shape::List,
    about: "The AWS accounts to poll, one [[accounts]] each. Without any, the one account of the credentials.",
    keys: &[
        optional(
            "name",
            r#""production""#,
            "The value of the label account. Without it, the account id: the one in role_arn, else the one that AWS \
             answers.",
        ),
        optional("role_arn", r#""arn:aws:iam::123456789012:role/ses-exporter""#, "The IAM role to assume first."),
        optional(
            "external_id",
            r#""a-secret-of-both-sides""#,
            "What the role's trust policy asks for as sts:ExternalId. Never shown. Needs role_arn.",
        ),
        optional("profile", r#""mail""#, "The profile whose credentials are used. Without it, that of [aws]."),
        optional(
            "regions",
            r#"["eu-central-1", "eu-west-1"]"#,
            "The regions of this account. Without it, those of [aws].",
        ),
    ],
};

/// Reads the list; one account without name and role where there is none.
pub(super) fn read(document: &mut Document<'_>, aws: &Aws) -> Vec<ConfiguredAccount> {
    let placed = document.sections(&SECTION, |section| read_one(section, aws));
    check_together(document, &placed, aws);
    let accounts: Vec<_> = placed.into_iter().map(|placed| placed.value).collect();
    if accounts.is_empty() { vec![ConfiguredAccount::default()] } else { accounts }
}

fn read_one(section: &mut Written<'_>, aws: &Aws) -> ConfiguredAccount {
    let arn = section.optional("role_arn", role_arn);
    let external_id = section.optional("external_id", external_id);
    if section.has("external_id") && !section.has("role_arn") {
        section.note("external_id", "is of use with role_arn only; add the role or remove it");
    }
    let account = ConfiguredAccount {
        name: section.optional("name", text),
        role: arn.map(|arn| Role { arn, external_id }),
        profile: section.optional("profile", text),
        regions: section.optional("regions", regions::regions),
    };
    check_partition(section, &account, aws);
    account
}

/// A role is good for the regions of its own partition only.
fn check_partition(section: &mut Written<'_>, account: &ConfiguredAccount, aws: &Aws) {
    let Some(role) = &account.role else { return };
    let Regions::List(regions) = account.regions.as_ref().unwrap_or(&aws.regions) else { return };
    let of_role = role.arn.split(':').nth(1).unwrap_or_default();
    if let Some(region) = regions.iter().find(|region| partition(region) != of_role) {
        let of_region = partition(region);
        let what =
            format!("is of partition {of_role} and {region} of {of_region}; give this account regions of its own");
        section.note("role_arn", what);
    }
}

/// No two accounts may give the same series or ask the same thing twice.
fn check_together(document: &mut Document<'_>, accounts: &[Placed<'_, ConfiguredAccount>], aws: &Aws) {
    for (index, this) in accounts.iter().enumerate() {
        if let Some(what) = accounts.iter().take(index).find_map(|earlier| clash(earlier, this, aws)) {
            document.notes.add(this.start(), this.path.as_str(), what);
        }
    }
}

/// What is wrong with having both accounts.
fn clash(earlier: &Placed<'_, ConfiguredAccount>, this: &Placed<'_, ConfiguredAccount>, aws: &Aws) -> Option<String> {
    let comparable = earlier.right && this.right;
    let (Placed { value: other, path, .. }, this) = (earlier, &this.value);
    if this.name.is_some() && this.name == other.name {
        return Some(format!("has the name of {path}; give it another, names tell accounts apart"));
    }
    if !comparable {
        return None;
    }
    let regions = |account: &ConfiguredAccount| account.regions.clone().unwrap_or_else(|| aws.regions.clone());
    let overlap = regions(this).overlap(&regions(other));
    if overlap
        && this.role.as_ref().map(|role| &role.arn) == other.role.as_ref().map(|role| &role.arn)
        && profile(this, aws) == profile(other, aws)
    {
        return Some(format!("polls with the credentials of {path} a region that is polled there; remove one"));
    }
    match (label(this), label(other)) {
        (None, None) => Some(format!("has neither name nor role_arn, like {path}; give it a name")),
        (Some(one), Some(two)) if one == two && overlap => {
            Some(format!("is the account of {path} and gives the same series; give it a name"))
        }
        _ => None,
    }
}

fn profile<'a>(account: &'a ConfiguredAccount, aws: &'a Aws) -> Option<&'a String> {
    account.profile.as_ref().or(aws.profile.as_ref())
}

/// The value of the label `account`, as far as it is known before the start.
fn label(account: &ConfiguredAccount) -> Option<&str> {
    account.name.as_deref().or_else(|| account.role.as_ref().and_then(Role::account_id))
}

/// `arn:PARTITION:iam::ACCOUNT:role/NAME`, where the name may have a path.
fn role_arn(value: &Value<'_>) -> Result<String, Wrong> {
    let arn = text(value)?;
    let wrong = |what: &str| Wrong::new(value, format!("{what}; write arn:aws:iam::123456789012:role/NAME"));
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return Err(wrong("is not the ARN of an IAM role"));
    };
    if !REGIONS.iter().any(|region| region.partition == partition) {
        return Err(wrong("is of a partition without SES"));
    }
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("holds no account id of twelve digits"));
    }
    let Some(name) = resource.strip_prefix("role/") else {
        return Err(wrong("is the ARN of something else than a role"));
    };
    // What IAM allows in names and paths (API reference, CreateRole).
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b);
    if name.is_empty() || name.ends_with('/') || !name.bytes().all(allowed) {
        return Err(wrong("does not end with the name of a role"));
    }
    Ok(arn)
}

/// What STS takes as ExternalId (API reference, AssumeRole).
fn external_id(value: &Value<'_>) -> Result<String, Wrong> {
    let id = text(value)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    if (2..=1224).contains(&id.len()) && id.bytes().all(allowed) {
        return Ok(id);
    }
    Err(Wrong::new(value, "is none that AWS takes; write 2 to 1224 letters, digits or _+=,.@:/-"))
}
