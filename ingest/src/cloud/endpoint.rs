//! Where each product listens, and sending to it.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;

use super::sign::Signed;
use super::table::{Host, Product};
use super::{Provider, aliyun, tencent};

/// Where requests go instead of the clouds' own addresses.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    all: Option<Url>,
    one: BTreeMap<String, Url>,
}

impl Overrides {
    /// Reads `--cloud-endpoint`: `URL` for all products (each below a path of its name), or `PRODUCT=URL` for one.
    ///
    /// # Errors
    /// When one is no URL.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut overrides = Self::default();
        for text in texts {
            let (product, url) = match text.split_once('=') {
                Some((product, url)) if !product.contains("://") => (Some(product), url),
                _ => (None, text.as_str()),
            };
            let url = Url::parse(url)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
                .ok_or_else(|| format!("`{url}` is no http or https URL"))?;
            match product {
                Some(product) => {
                    overrides.one.insert(product.to_owned(), url);
                }
                None => overrides.all = Some(url),
            }
        }
        Ok(overrides)
    }

    /// Where `name` (a product, `sts` or `metadata`) is instead; the path ends in `/`.
    fn of(&self, name: &str) -> Option<Url> {
        let mut url = self.one.get(name).or(self.all.as_ref())?.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        match self.one.contains_key(name) {
            true => url.set_path(&format!("{base}/")),
            false => url.set_path(&format!("{base}/{name}/")),
        }
        Some(url)
    }
}

/// A product's address in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// With a path that ends in `/`.
    pub url: Url,
    /// As the `Host` header has it.
    pub host: String,
}

impl Endpoint {
    fn at(url: Url) -> Option<Self> {
        let name = url.host_str()?;
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        Some(Self { url, host })
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there was no answer; without the URL, which may hold a key's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cut(pub String);

/// Sends requests.
#[derive(Debug)]
pub struct Transport {
    client: reqwest::Client,
    /// For addresses of the server itself, which no proxy knows.
    near: reqwest::Client,
    overrides: Overrides,
    provider: Provider,
    timeout: Duration,
}

impl Transport {
    /// Gets ready to send; one request takes at most `timeout`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(provider: Provider, overrides: Overrides, timeout: Duration) -> Result<Self, Cut> {
        // Set by an earlier transport of this process already: the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("pathglass/", env!("CARGO_PKG_VERSION")))
                // A signature holds for one host.
                .redirect(reqwest::redirect::Policy::none())
                .timeout(timeout)
                .connect_timeout(timeout.min(Duration::from_secs(10)))
        };
        Ok(Self {
            client: builder().build().map_err(cut)?,
            near: builder()
                .no_proxy()
                .connect_timeout(timeout.min(Duration::from_secs(1)))
                .build()
                .map_err(cut)?,
            overrides,
            provider,
            timeout,
        })
    }

    /// Where `product` listens in `region`.
    ///
    /// # Errors
    /// When region and product make no host name.
    pub fn endpoint(&self, product: &Product, region: &str) -> Result<Endpoint, Cut> {
        let url = match self.overrides.of(product.name) {
            Some(url) => Some(url),
            None => Url::parse(&format!(
                "https://{}/",
                host(self.provider, product, region)
            ))
            .ok(),
        };
        url.and_then(Endpoint::at)
            .ok_or_else(|| Cut(format!("`{region}` makes no host name")))
    }

    /// Posts `signed` to `endpoint`, in `within` at most.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn post(
        &self,
        endpoint: &Endpoint,
        signed: Signed,
        within: Duration,
    ) -> Result<Answer, Cut> {
        let mut url = endpoint.url.clone();
        if !signed.query.is_empty() {
            url.set_query(Some(&signed.query));
        }
        let request = signed
            .headers
            .into_iter()
            .fold(self.client.post(url), |request, (name, value)| {
                request.header(name, value)
            });
        let request = request
            .header("accept", "application/json")
            .timeout(within.min(self.timeout))
            .body(signed.body);
        answer(request).await
    }

    /// Asks the server's metadata service, `path` below its root.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn metadata(
        &self,
        method: &str,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> Result<Answer, Cut> {
        let root = match (self.overrides.of("metadata"), self.provider) {
            (Some(url), _) => url.to_string(),
            (None, Provider::Aliyun) => "http://100.100.100.200/".to_owned(),
            (None, Provider::Tencent) => "http://metadata.tencentyun.com/".to_owned(),
        };
        let url = format!("{root}{path}");
        let request = match method {
            "PUT" => self.near.put(url),
            _ => self.near.get(url),
        };
        answer(match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        })
        .await
    }

    /// Gets what a local service has at `url`.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn get(&self, url: &str) -> Result<Answer, Cut> {
        answer(self.near.get(url)).await
    }

    /// How long one request may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, Cut> {
    let response = request.send().await.map_err(cut)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(cut)?.to_vec();
    Ok(Answer { status, body })
}

fn cut(error: reqwest::Error) -> Cut {
    let is_slow = error.is_timeout();
    let error = error.without_url();
    match is_slow {
        true => Cut("no answer in time".to_owned()),
        false => Cut(crate::error::chain(&error)),
    }
}

/// The host name of `product` in `region`.
fn host(provider: Provider, product: &Product, region: &str) -> String {
    let domain = match provider {
        Provider::Aliyun => aliyun::DOMAIN,
        Provider::Tencent => tencent::DOMAIN,
    };
    let name = product.name;
    match product.host {
        Host::Central => format!("{name}.{domain}"),
        Host::Regional(others) => match others.iter().find(|(other, _)| *other == region) {
            Some((_, host)) => (*host).to_owned(),
            None => format!("{name}.{region}.{domain}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_have_host_names() {
        let aliyun = |product, region| host(Provider::Aliyun, product, region);
        assert_eq!(
            aliyun(&aliyun::ECS, "cn-hangzhou"),
            "ecs-cn-hangzhou.aliyuncs.com"
        );
        assert_eq!(
            aliyun(&aliyun::ECS, "cn-chengdu"),
            "ecs.cn-chengdu.aliyuncs.com"
        );
        assert_eq!(aliyun(&aliyun::SLB, "cn-beijing"), "slb.aliyuncs.com");
        assert_eq!(
            aliyun(&aliyun::NLB, "cn-beijing"),
            "nlb.cn-beijing.aliyuncs.com"
        );
        assert_eq!(aliyun(&aliyun::CBN, "cn-beijing"), "cbn.aliyuncs.com");
        assert_eq!(
            host(Provider::Tencent, &tencent::VPC, "ap-guangzhou"),
            "vpc.tencentcloudapi.com"
        );
    }

    #[test]
    fn endpoints_are_overridden_all_at_once_or_one_by_one() {
        let overrides = Overrides::parse(&[
            "http://127.0.0.1:80/base/".to_owned(),
            "ecs=https://ecs-vpc.cn-hangzhou.aliyuncs.com".to_owned(),
        ])
        .unwrap();
        let of = |name| overrides.of(name).unwrap().to_string();
        assert_eq!(of("vpc"), "http://127.0.0.1/base/vpc/");
        assert_eq!(of("ecs"), "https://ecs-vpc.cn-hangzhou.aliyuncs.com/");
        assert!(
            Overrides::parse(&["ecs=no".to_owned()])
                .unwrap_err()
                .contains("`no`")
        );
    }
}
