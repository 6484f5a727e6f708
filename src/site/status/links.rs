//! Where the status page leads to: the metrics, the console of AWS in a region, and the runbooks. It is the browser that
//! goes there.

use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::view::{Place, View};
use crate::target::partition;

/// The folder of the runbooks, as the alerts name it.
const RUNBOOKS: &str = "https://github.com/ses-exporter/ses-exporter/blob/main/deploy/prometheus/runbooks";

/// A page of the console for SES.
#[derive(Clone, Copy, Debug)]
pub(super) enum Console {
    /// Sandbox, quota and enforcement.
    Account,
    /// The identities.
    Identities,
}

/// A runbook, by the alert that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runbook {
    DeclaredRegionUnreadable,
    DkimBroken,
    DkimTemporaryFailure,
    DnsRecordWrong,
    AccessDenied,
    CollectorFailing,
    CollectorStale,
    ExpectedIdentityNotVerified,
    FailoverNotReady,
    IdentityPendingTooLong,
    IdentityTemporaryFailure,
    IdentityVerificationFailed,
    MailFromDegraded,
    MailFromRejecting,
    ProductionAccessDenied,
    ProductionAccessMissing,
    ProductionAccessReviewFailed,
    ProductionAccessReviewPending,
    QuotaBelowDeclared,
    QuotaExhausted,
    QuotaHigh,
    RegionInSandbox,
    SendPathBlocked,
    SendingPaused,
    UnderReview,
    UnexpectedRegionActive,
}

impl Runbook {
    /// The name of the alert, which is that of the file.
    const fn alert(self) -> &'static str {
        match self {
            Self::DeclaredRegionUnreadable => "SESDeclaredRegionUnreadable",
            Self::DkimBroken => "SESDkimBroken",
            Self::DkimTemporaryFailure => "SESDkimTemporaryFailure",
            Self::DnsRecordWrong => "SESDnsRecordWrong",
            Self::AccessDenied => "SESExporterAccessDenied",
            Self::CollectorFailing => "SESExporterCollectorFailing",
            Self::CollectorStale => "SESExporterCollectorStale",
            Self::ExpectedIdentityNotVerified => "SESExpectedIdentityNotVerified",
            Self::FailoverNotReady => "SESFailoverNotReady",
            Self::IdentityPendingTooLong => "SESIdentityPendingTooLong",
            Self::IdentityTemporaryFailure => "SESIdentityTemporaryFailure",
            Self::IdentityVerificationFailed => "SESIdentityVerificationFailed",
            Self::MailFromDegraded => "SESMailFromDegraded",
            Self::MailFromRejecting => "SESMailFromRejecting",
            Self::ProductionAccessDenied => "SESProductionAccessDenied",
            Self::ProductionAccessMissing => "SESProductionAccessMissing",
            Self::ProductionAccessReviewFailed => "SESProductionAccessReviewFailed",
            Self::ProductionAccessReviewPending => "SESProductionAccessReviewPending",
            Self::QuotaBelowDeclared => "SESQuotaBelowDeclared",
            Self::QuotaExhausted => "SESQuotaExhausted",
            Self::QuotaHigh => "SESQuotaHigh",
            Self::RegionInSandbox => "SESRegionInSandbox",
            Self::SendPathBlocked => "SESSendPathBlocked",
            Self::SendingPaused => "SESSendingPaused",
            Self::UnderReview => "SESUnderReview",
            Self::UnexpectedRegionActive => "SESUnexpectedRegionActive",
        }
    }

    /// What it is about comes with the link, because a list of links that are all called "runbook" helps nobody.
    pub(super) fn link(self, about: &str) -> Markup {
        html! {
            a href={ (RUNBOOKS) "/" (self.alert()) ".md" } rel="noreferrer" aria-label={ "Runbook for " (about) } {
                "Runbook"
            }
        }
    }
}

/// A link to the metrics, at the first series of a target, or of an identity there. Browsers that do not know fragments of
/// text show the page from its beginning.
pub(super) fn metrics(view: &View<'_>, place: Place<'_>, identity: Option<&str>) -> Markup {
    let region = &place.region.region;
    let about = identity.unwrap_or(region);
    html! {
        a href={ (view.metrics) (text_fragment(place.account.account.as_deref(), region, identity)) }
            aria-label={ "Metrics of " (about) } { "Metrics" }
    }
}

/// The labels as they stand side by side in a series.
fn text_fragment(account: Option<&str>, region: &str, identity: Option<&str>) -> String {
    let labels = [("account", account), ("aws_region", Some(region)), ("identity", identity)];
    let labels = labels.into_iter().filter_map(|(name, value)| Some(format!("{name}=\"{}\"", value?)));
    let text = labels.collect::<Vec<_>>().join(",");
    format!("#:~:text={}", utf8_percent_encode(&text, NON_ALPHANUMERIC))
}

/// A link to the console of the region's partition.
pub(super) fn console(region: &str, page: Console) -> Markup {
    html! {
        a href=(console_url(region, page)) rel="noreferrer" aria-label={ "Console of AWS in " (region) } { "Console" }
    }
}

fn console_url(region: &str, page: Console) -> String {
    let domain = match partition(region) {
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        "aws-cn" => "console.amazonaws.cn",
        "aws-eusc" => "console.amazonaws-eusc.eu",
        _ => "console.aws.amazon.com",
    };
    let page = match page {
        Console::Account => "account",
        Console::Identities => "identities",
    };
    format!("https://{region}.{domain}/ses/home?region={region}#/{page}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_console_is_that_of_the_partition() {
        let host = |region| console_url(region, Console::Account).split('/').nth(2).map(str::to_owned);
        assert_eq!(host("eu-west-1").as_deref(), Some("eu-west-1.console.aws.amazon.com"));
        assert_eq!(host("us-gov-west-1").as_deref(), Some("us-gov-west-1.console.amazonaws-us-gov.com"));
        assert_eq!(host("cn-north-1").as_deref(), Some("cn-north-1.console.amazonaws.cn"));
        assert_eq!(host("eusc-de-east-1").as_deref(), Some("eusc-de-east-1.console.amazonaws-eusc.eu"));
        let whole = "https://eu-west-1.console.aws.amazon.com/ses/home?region=eu-west-1#/identities";
        assert_eq!(console_url("eu-west-1", Console::Identities), whole);
    }

    #[test]
    fn the_metrics_are_looked_for_by_their_labels() {
        let expected = "#:~:text=account%3D%22a%22%2Caws%5Fregion%3D%22eu%2Dwest%2D1%22";
        assert_eq!(text_fragment(Some("a"), "eu-west-1", None), expected);
        let expected = "#:~:text=aws%5Fregion%3D%22x%22%2Cidentity%3D%22a%40b%22";
        assert_eq!(text_fragment(None, "x", Some("a@b")), expected);
    }

    #[test]
    fn every_runbook_is_there() {
        use Runbook as R;
        let all = [
            R::DeclaredRegionUnreadable,
            R::DkimBroken,
            R::DkimTemporaryFailure,
            R::DnsRecordWrong,
            R::AccessDenied,
            R::CollectorFailing,
            R::CollectorStale,
            R::ExpectedIdentityNotVerified,
            R::FailoverNotReady,
            R::IdentityPendingTooLong,
            R::IdentityTemporaryFailure,
            R::IdentityVerificationFailed,
            R::MailFromDegraded,
            R::MailFromRejecting,
            R::ProductionAccessDenied,
            R::ProductionAccessMissing,
            R::ProductionAccessReviewFailed,
            R::ProductionAccessReviewPending,
            R::QuotaBelowDeclared,
            R::QuotaExhausted,
            R::QuotaHigh,
            R::RegionInSandbox,
            R::SendPathBlocked,
            R::SendingPaused,
            R::UnderReview,
            R::UnexpectedRegionActive,
        ];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/runbooks");
        for runbook in all {
            assert!(folder.join(format!("{}.md", runbook.alert())).is_file(), "{runbook:?}");
        }
    }
}
