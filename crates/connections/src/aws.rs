//! Parameters of AWS Systems Manager, one for each property, or one for all credentials.
//!
//! Requests go through our own HTTP client. Who asks is told by the values of the environment that
//! come in with the settings; without them the SDK looks where it always does: profiles, and the
//! roles of containers and instances.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ssm::config::Credentials;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::types::{Parameter, ParameterType};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use syncline_http::{Client, ClientSettings};
use tokio::sync::Mutex;
use url::Url;

use crate::position::with_position;
use crate::{Connection, ConnectionsError, POSITIONS, PREFIX, Result};

/// Most parameters in one answer, which is what the service allows.
const PAGE: i32 = 10;
/// Most answers that are read for one connection.
const PAGES_MAX: usize = 50;
/// The property that holds several at once.
const CREDENTIALS: &str = "credentials";
/// What it has to hold.
const CREDENTIAL_MEMBERS: [&str; 3] = ["url", "key", "secret"];

/// How to reach the parameters.
#[derive(Clone, Default)]
pub struct AwsSettings {
    /// The region; otherwise as the environment or the profile says.
    pub region: Option<String>,
    /// The profile of the shared configuration files.
    pub profile: Option<String>,
    /// Another place than the service of the region.
    pub endpoint_url: Option<String>,
    /// Variables of the environment: who asks.
    pub environment: BTreeMap<String, String>,
    /// Held while a change version is written, which is read first: clones share it, so that one
    /// does not take that of another target with it.
    pub writing: Arc<Mutex<()>>,
}

/// The environment holds secrets.
impl std::fmt::Debug for AwsSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AwsSettings")
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("endpoint_url", &self.endpoint_url)
            .finish_non_exhaustive()
    }
}

impl AwsSettings {
    pub(crate) async fn read(&self, name: &str) -> Result<Option<Connection>> {
        let client = self.client().await?;
        let prefix = format!("{PREFIX}{name}/");
        let mut connection = Connection::default();
        let mut credentials = None;
        for (property, value) in parameters(&client, &prefix).await? {
            if property.eq_ignore_ascii_case(CREDENTIALS) {
                credentials = Some(value);
            } else {
                connection.insert(&property, value);
            }
        }
        if let Some(credentials) = credentials {
            add_credentials(
                &mut connection,
                &format!("{prefix}{CREDENTIALS}"),
                &credentials,
            )?;
        }
        Ok((!connection.is_empty()).then_some(connection))
    }

    pub(crate) async fn write_position(
        &self,
        name: &str,
        target: &str,
        version: u64,
    ) -> Result<()> {
        let client = self.client().await?;
        let _alone = self.writing.lock().await;
        let prefix = format!("{PREFIX}{name}/");
        let found = parameters(&client, &prefix).await?;
        let mut found = found.into_iter();
        let kept = found.find(|(property, _)| property.eq_ignore_ascii_case(POSITIONS));
        // The type of a parameter that is there cannot be changed, and need not be said.
        let kind = kept.is_none().then_some(ParameterType::String);
        let (property, text) = kept.unzip();
        let text = with_position(text.as_deref(), target, version)?;
        let property = property.unwrap_or_else(|| POSITIONS.to_owned());
        client
            .put_parameter()
            .name(format!("{prefix}{property}"))
            .value(text)
            .set_type(kind)
            .overwrite(true)
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(&error, "ssm:PutParameter"))
    }

    async fn client(&self) -> Result<aws_sdk_ssm::Client> {
        let variable = |name: &str| self.environment.get(name).filter(|value| !value.is_empty());
        let http = Client::open(&ClientSettings::default())
            .map_err(|error| ConnectionsError::wrong(error.to_string()))?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(shared(http));
        let region = self.region.as_ref();
        let region = region.or_else(|| variable("AWS_REGION"));
        if let Some(region) = region.or_else(|| variable("AWS_DEFAULT_REGION")) {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
        // A profile that is asked for by name beats the environment, as it does for the publisher.
        if let (Some((id, secret)), None) = (keys, &self.profile) {
            let token = variable("AWS_SESSION_TOKEN").cloned();
            let credentials = Credentials::new(id, secret, token, None, "environment");
            loader = loader.credentials_provider(credentials);
        }
        let endpoint = self.endpoint_url.as_ref();
        let endpoint = endpoint.or_else(|| variable("AWS_ENDPOINT_URL_SSM"));
        if let Some(url) = endpoint.or_else(|| variable("AWS_ENDPOINT_URL")) {
            loader = loader.endpoint_url(url);
        }
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(ConnectionsError::wrong("no AWS region is known")
                .with_hint("give it as `region` below `connections`, or set AWS_REGION"));
        }
        Ok(aws_sdk_ssm::Client::new(&config))
    }
}

/// All parameters directly below a path, by what follows it.
async fn parameters(client: &aws_sdk_ssm::Client, prefix: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let page = client
            .get_parameters_by_path()
            .path(prefix.trim_end_matches('/'))
            .recursive(false)
            .with_decryption(true)
            .max_results(PAGE)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failed(&error, "ssm:GetParametersByPath"))?;
        let parameters = page.parameters.unwrap_or_default();
        found.extend(parameters.into_iter().filter_map(|one| entry(one, prefix)));
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
    }
    let message = format!("there are more parameters below {prefix} than a connection has");
    Err(ConnectionsError::wrong(message))
}

fn entry(parameter: Parameter, prefix: &str) -> Option<(String, String)> {
    let name = parameter.name?;
    Some((name.strip_prefix(prefix)?.to_owned(), parameter.value?))
}

/// Takes what one parameter holds of several properties; it beats those that stand alone.
fn add_credentials(connection: &mut Connection, name: &str, text: &str) -> Result<()> {
    let members: Option<BTreeMap<String, String>> = serde_json::from_str(text).ok();
    let members: BTreeMap<String, String> = members
        .unwrap_or_default()
        .into_iter()
        .map(|(member, value)| (member.to_lowercase(), value))
        .collect();
    let lacks = |member: &str| members.get(member).is_none_or(String::is_empty);
    if let Some(lacking) = CREDENTIAL_MEMBERS.into_iter().find(|member| lacks(member)) {
        let message = format!("the parameter {name} has no `{lacking}`");
        return Err(ConnectionsError::wrong(message).with_hint(
            "it has to be {\"url\": \"...\", \"key\": \"...\", \"secret\": \"...\"}, or three parameters \
             of these names",
        ));
    }
    for (member, value) in members {
        connection.insert(&member, value);
    }
    Ok(())
}

/// What the service says, without values.
fn failed<E>(error: &SdkError<E, HttpResponse>, action: &str) -> ConnectionsError
where
    E: ProvideErrorMetadata,
{
    let Some(service) = error.as_service_error() else {
        let what = match error {
            SdkError::ConstructionFailure(_) => {
                "the request could not be made: are there credentials?"
            }
            SdkError::TimeoutError(_) => "no answer in time",
            SdkError::DispatchFailure(failure) if failure.is_user() || failure.is_other() => {
                "no credentials were found, or the request could not be sent"
            }
            SdkError::DispatchFailure(_) => "it could not be reached",
            _ => "an answer that is none of it",
        };
        return ConnectionsError::unavailable(format!("AWS Parameter Store: {what}"));
    };
    let code = service.code().unwrap_or("no code");
    let said = service.message().unwrap_or("no message");
    let message = format!("AWS Parameter Store: {code}: {said}");
    match code {
        "AccessDeniedException" => ConnectionsError::wrong(message).with_hint(format!(
            "the caller needs {action} below {PREFIX}, and kms:Decrypt for SecureString"
        )),
        "InternalServerError" | "ThrottlingException" | "ServiceUnavailable" => {
            ConnectionsError::unavailable(message)
        }
        _ => ConnectionsError::wrong(message),
    }
}

/// Our HTTP client as the SDK wants it.
fn shared(client: Client) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(client));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector(Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { exchange(&client, &request).await })
    }
}

async fn exchange(
    client: &Client,
    request: &HttpRequest,
) -> std::result::Result<HttpResponse, ConnectorError> {
    let user = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
    let url = Url::parse(request.uri()).map_err(|error| user(error.into()))?;
    let method = request
        .method()
        .parse::<http::Method>()
        .map_err(|error| user(error.into()))?;
    let mut headers = http::HeaderMap::new();
    for (name, value) in request.headers() {
        let name: http::HeaderName = name
            .parse()
            .map_err(|_bad| user("a header's name".into()))?;
        let value: http::HeaderValue = value.parse().map_err(|_bad| user("a header".into()))?;
        headers.append(name, value);
    }
    let body = request.body().bytes().unwrap_or_default().to_vec();
    let answer = client
        .exchange(method, &url, headers, body.into())
        .await
        .map_err(|error| ConnectorError::io(error.into()))?;
    let status = answer.status.try_into();
    let status = status.map_err(|_bad| user("a status".into()))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body.to_vec()));
    for (name, value) in &answer.headers {
        if let Ok(value) = value.to_str() {
            let _replaced = response
                .headers_mut()
                .try_append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}
