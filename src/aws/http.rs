//! The one HTTP client that all SDK clients share: one pool of connections, bounded answers, proxy variables honoured.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

/// The SDK buffers an answer whole, whatever its size. The largest one we ask for, 1,000 identities, has 0.3 MB.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// A client for all targets. Clones share its connections.
pub fn client() -> SharedHttpClient {
    // `build_https()` would ignore HTTPS_PROXY and NO_PROXY.
    let inner = Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env()).enable_tcp_nodelay(true);
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    });
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Bounded { inner: inner.http_connector(settings, components) })
    })
}

/// Ends an answer that is longer than [`LARGEST_ANSWER`] with an error.
#[derive(Debug)]
struct Bounded {
    inner: SharedHttpConnector,
}

impl HttpConnector for Bounded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let bound = |body| SdkBody::from_body_1_x(Limited::new(body, LARGEST_ANSWER));
            Ok(answer.await?.map(bound))
        })
    }
}
