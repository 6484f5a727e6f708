//! Section `[aws]`: what all accounts share.

use super::reader::{Document, Value, Written, Wrong, flag, text};
use super::section::{Section, Shape, key, optional};
use super::{Aws, regions};

pub(super) const SECTION: Section = Section {
    name: "aws",
    shape: Shape::Once,
    about: "How AWS is reached. Credentials are never written here: they come from where the AWS command line finds \
            them (environment, profile, container or instance role).",
    keys: &[
        optional(
            "regions",
            r#"["eu-west-1", "us-east-1"]"#,
            "The regions to poll: a list, or \"all\" for every region that has SES. Without it, the region of the AWS \
             environment or profile. --aws.regions or SES_EXPORTER_REGIONS replaces it.",
        ),
        optional("profile", r#""mail""#, "A profile of the AWS configuration files. Without it, AWS_PROFILE or none."),
        optional(
            "endpoint_url",
            r#""http://127.0.0.1:4566""#,
            "Where to send every request instead of to AWS: a simulator or an emulator. STS is asked there too.",
        ),
        key("use_fips", "false", "Use the FIPS endpoints."),
        key("use_dual_stack", "false", "Use the endpoints that answer over IPv6 as well."),
    ],
};

/// Reads the section; `argument` is the text of `--aws.regions`.
pub(super) fn read(document: &mut Document<'_>, argument: Option<&str>) -> Aws {
    let mut section = document.section(&SECTION);
    let mut aws = Aws {
        regions: section.optional("regions", regions::regions).unwrap_or_default(),
        profile: section.optional("profile", text),
        endpoint_url: section.optional("endpoint_url", endpoint),
        use_fips: section.get("use_fips", flag),
        use_dual_stack: section.get("use_dual_stack", flag),
    };
    check_variants(&mut section, &aws);
    if let Some(regions) = argument.and_then(|text| regions::argument(text, &mut document.notes)) {
        aws.regions = regions;
    }
    aws
}

/// The SDK refuses an endpoint of one's own together with a variant of AWS' endpoints.
fn check_variants(section: &mut Written<'_>, aws: &Aws) {
    if !section.has("endpoint_url") {
        return;
    }
    for (key, wanted) in [("use_fips", aws.use_fips), ("use_dual_stack", aws.use_dual_stack)] {
        if wanted {
            section.note(key, "can't be combined with endpoint_url; remove one of the two");
        }
    }
}

/// `http(s)://host`, with a port and a path if need be. A password in it would end up in logs.
fn endpoint(value: &Value<'_>) -> Result<String, Wrong> {
    let url = text(value)?;
    let wrong = |what: &str| Wrong::new(value, format!("{what}; write http:// or https://, a host and maybe a port"));
    let parsed: hyper::Uri = url.parse().map_err(|_| wrong("is no URL"))?;
    if !matches!(parsed.scheme_str(), Some("http" | "https")) {
        return Err(wrong("is neither http nor https"));
    }
    if parsed.host().is_none_or(str::is_empty) {
        return Err(wrong("has no host"));
    }
    if parsed.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(wrong("holds a user name or password"));
    }
    if parsed.query().is_some() || url.contains('#') {
        return Err(wrong("has a query or fragment"));
    }
    Ok(url)
}
