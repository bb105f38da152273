//! Object stores by URL: S3, Azure and Google Cloud Storage, and whatever speaks their protocols.
//!
//! Credentials and addresses come from the environment under the names that the stores' own tools use, and from options,
//! which win. An option that a store does not know is an error.

use std::error::Error;
use std::sync::Arc;

use object_store::path::Path as Key;
use object_store::{Error as ObjectError, ObjectStore};
use url::Url;

/// What is tried again within one request, before the request fails: the caller tries again later by itself.
#[cfg(feature = "cloud")]
const RETRIES: usize = 6;
/// A request is not tried again after this time.
#[cfg(feature = "cloud")]
const RETRY_MAX: std::time::Duration = std::time::Duration::from_secs(60);

/// Whether a call that failed may succeed later, though nobody changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It may: the store is away, overloaded or full.
    Passing,
    /// It will not: credentials, permissions, or the bucket are wrong.
    Lasting,
}

/// The store of a URL, and the prefix within it.
///
/// # Errors
/// What is wrong with the URL or the options, for people.
#[cfg(feature = "cloud")]
pub(crate) fn open(url: &Url, options: &[(String, String)]) -> Result<(Arc<dyn ObjectStore>, Key), String> {
    use object_store::aws::AmazonS3Builder;
    use object_store::azure::MicrosoftAzureBuilder;
    use object_store::gcp::GoogleCloudStorageBuilder;
    use object_store::{ObjectStoreScheme as Scheme, RetryConfig};

    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_MAX, ..RetryConfig::default() };
    // The stores have no common trait for this.
    macro_rules! build {
        ($builder:expr, $store:literal) => {{
            let mut builder = $builder.with_url(url.as_str()).with_retry(retry);
            for (name, value) in options {
                let unknown = |_| format!("{name:?} is not an option of {}", $store);
                let key = name.to_ascii_lowercase().parse().map_err(unknown)?;
                builder = builder.with_config(key, value);
            }
            Arc::new(builder.build().map_err(|error| said(&error))?) as Arc<dyn ObjectStore>
        }};
    }
    let (scheme, prefix) = Scheme::parse(url).map_err(|_| SCHEMES.to_owned())?;
    let store = match scheme {
        Scheme::AmazonS3 | Scheme::GoogleCloudStorage if !url.username().is_empty() => {
            return Err("credentials in the URL are not read: give them as checkpoints.options".to_owned());
        }
        Scheme::AmazonS3 => build!(AmazonS3Builder::from_env(), "S3"),
        Scheme::MicrosoftAzure => build!(MicrosoftAzureBuilder::from_env(), "Azure"),
        Scheme::GoogleCloudStorage => build!(GoogleCloudStorageBuilder::from_env(), "Google Cloud Storage"),
        _ => return Err(SCHEMES.to_owned()),
    };
    Ok((store, prefix))
}

/// Without the feature `cloud` there are none.
#[cfg(not(feature = "cloud"))]
pub(crate) fn open(_: &Url, _: &[(String, String)]) -> Result<(Arc<dyn ObjectStore>, Key), String> {
    Err("object stores are not built in".to_owned())
}

#[cfg(feature = "cloud")]
const SCHEMES: &str = "a place is a folder, or a URL that begins with s3://, az:// or gs://; for a store of your own that \
                       speaks the protocol of S3, it is s3://BUCKET/PREFIX with the option aws_endpoint";

/// What a store says, in short: code and message where it sends them, else the error with its innermost cause.
pub(crate) fn said(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    let tag = |name: &str| Some(text.split_once(&format!("<{name}>"))?.1.split_once("</")?.0.trim().to_owned());
    if let (Some(code), Some(message)) = (tag("Code"), tag("Message")) {
        return format!("{code}: {}", message.lines().next().unwrap_or_default().trim_end_matches('.'));
    }
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let innermost = cause.to_string();
    if text.contains(&innermost) { text } else { format!("{text}: {innermost}") }
}

/// What an error is about. Listings tell the status of the answer in their text alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Http,
    Credentials,
    Bucket,
    Region,
    NoCredentials,
    Request,
    Store,
}

fn about(error: &ObjectError) -> About {
    let text = error.to_string();
    let is_status = |status: &str| text.contains(&format!("status code: {status}"));
    match error {
        _ if is_plain_http(error) => About::Http,
        _ if text.contains("without LOCATION") || text.contains("AuthorizationHeaderMalformed") => About::Region,
        ObjectError::PermissionDenied { .. } | ObjectError::Unauthenticated { .. } => About::Credentials,
        ObjectError::NotFound { .. } => About::Bucket,
        _ if is_status("401") || is_status("403") => About::Credentials,
        _ if is_status("404") => About::Bucket,
        _ if text.contains("169.254.169.254") || text.contains("metadata.google") => About::NoCredentials,
        ObjectError::InvalidPath { .. } | ObjectError::NotSupported { .. } | ObjectError::NotImplemented { .. } => {
            About::Request
        }
        _ if is_status("4") && !is_status("408") && !is_status("429") => About::Request,
        _ => About::Store,
    }
}

/// Whether it may pass by itself.
pub(crate) fn outlook(error: &ObjectError) -> Outlook {
    match about(error) {
        About::Store | About::NoCredentials => Outlook::Passing,
        _ => Outlook::Lasting,
    }
}

/// What somebody can do about it.
pub(crate) fn advice(location: &str, error: &ObjectError) -> &'static str {
    let Some((scheme, _)) = location.split_once("://") else {
        return "check that its disk has room, and who may write there";
    };
    match (about(error), scheme) {
        (About::Http, _) => "the endpoint is http: set the option allow_http to true if that is meant",
        (About::Bucket, _) => "make the bucket or container first, or correct its name",
        (About::Region, _) => "set the option aws_region to the region of the bucket",
        (About::NoCredentials, _) => {
            "no credentials are given, and this host has none of its own: give them as options or in the environment"
        }
        (About::Credentials, "gs") => {
            "check google_service_account (an option, or GOOGLE_SERVICE_ACCOUNT), or the service account of this host, and \
             that it may list, read, write and delete objects there"
        }
        (About::Credentials, "s3" | "s3a") => {
            "check aws_access_key_id and aws_secret_access_key (options, or AWS_… in the environment), or the role of this \
             host, and that it has s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject there"
        }
        (About::Credentials, _) => {
            "check azure_storage_account_name and its key (options, or AZURE_… in the environment), or the identity of this \
             host, and that it may list, read, write and delete blobs there"
        }
        (About::Request, _) => "correct the place or the options of the store",
        (About::Store, _) => {
            "check that the store runs, that this host reaches it, and the option that names its endpoint"
        }
    }
}

/// Whether an address without TLS was refused.
fn is_plain_http(error: &ObjectError) -> bool {
    said(error).contains("scheme is not allowed")
}

#[cfg(all(test, feature = "cloud"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn opened(url: &str, options: &[(&str, &str)]) -> Result<String, String> {
        let options: Vec<_> = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        open(&Url::parse(url).unwrap(), &options).map(|(store, prefix)| format!("{store} {prefix}"))
    }

    #[test]
    fn a_url_names_a_store_of_one_of_three_kinds() {
        let keys = [("aws_access_key_id", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("aws_region", "eu-central-1")];
        assert_eq!(opened("s3://bucket/clout/a", &keys), Ok("AmazonS3(bucket) clout/a".to_owned()));
        let account = [("azure_storage_account_name", "account"), ("azure_storage_account_key", "c2VjcmV0")];
        let azure = opened("az://container/clout", &account).unwrap();
        assert!(azure.contains("container") && azure.ends_with(" clout"), "{azure}");
        let google = opened("gs://bucket/clout", &[("google_skip_signature", "true")]).unwrap();
        assert!(google.contains("bucket") && google.ends_with(" clout"), "{google}");
    }

    #[test]
    fn what_a_store_says_tells_whether_to_wait_and_what_to_do() {
        let generic = |text: &str| ObjectError::Generic { store: "S3", source: text.to_owned().into() };
        let denied =
            "Server returned non-2xx status code: 403 Forbidden: <Error><Code>SlowLearner</Code><Message>No.</Message>";
        assert_eq!(said(&generic(denied)), "SlowLearner: No");
        for (error, outlook_of_it, advised) in [
            (denied, Outlook::Lasting, "aws_access_key_id"),
            ("Server returned non-2xx status code: 404 Not Found", Outlook::Lasting, "make the bucket"),
            ("Server returned non-2xx status code: 400 Bad Request", Outlook::Lasting, "correct the place"),
            ("Server returned non-2xx status code: 429 Too Many Requests", Outlook::Passing, "store runs"),
            ("Server returned non-2xx status code: 503 Slow Down", Outlook::Passing, "store runs"),
            ("Received redirect without LOCATION", Outlook::Lasting, "aws_region"),
            ("error sending request: URL scheme is not allowed", Outlook::Lasting, "allow_http"),
            ("error sending request: connection refused", Outlook::Passing, "store runs"),
        ] {
            let error = generic(error);
            assert_eq!(outlook(&error), outlook_of_it, "{error}");
            assert!(advice("s3://a/b", &error).contains(advised), "{error}");
        }
        assert!(advice("/var/lib/clout", &generic("no space left")).contains("disk has room"));
    }

    #[test]
    fn what_no_store_understands_is_an_error() {
        for (url, options, told) in [
            ("s3://bucket/clout", &[("aws_regoin", "eu")][..], "\"aws_regoin\" is not an option of S3"),
            ("az://container/clout", &[("aws_region", "eu")], "\"aws_region\" is not an option of Azure"),
            ("gs://bucket/clout", &[("aws_region", "eu")], "is not an option of Google Cloud Storage"),
            ("s3://key:secret@bucket/clout", &[], "credentials in the URL are not read"),
            ("http://127.0.0.1/bucket", &[], "s3://, az:// or gs://"),
            ("ftp://127.0.0.1/clout", &[], "s3://, az:// or gs://"),
        ] {
            let error = opened(url, options).unwrap_err();
            assert!(error.contains(told), "{url}: {error}");
        }
    }
}
