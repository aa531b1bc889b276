//! Logging in, and the check of every other request.
//!
//! Tokens live in memory only and are never logged. Their time is real time, whatever the clock of
//! the service shows: they belong to the client's connection and not to the data.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use axum::response::Response;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use super::config::RestreamConfig;
use super::refusal::Refusal;
use crate::faults::mix;
use crate::web::respond::{header, json_response, media_type, set_header};

const WINDOW: Duration = Duration::from_mins(1);
const BAN: Duration = Duration::from_mins(10);

/// The tokens given out, and who asks too often.
#[derive(Debug)]
pub(crate) struct Tokens {
    salt: u64,
    issued: u64,
    live: BTreeMap<String, Instant>,
    asked: VecDeque<Instant>,
    banned_until: Option<Instant>,
}

impl Tokens {
    /// No tokens; `salt` makes those of one server differ from those of another.
    pub(crate) fn new(salt: u64) -> Self {
        Self {
            salt,
            issued: 0,
            live: BTreeMap::new(),
            asked: VecDeque::new(),
            banned_until: None,
        }
    }

    /// Answers a request for a token.
    pub(crate) fn answer(
        &mut self,
        config: &RestreamConfig,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        self.count(config.behaviour.token_ban)?;
        if media_type(headers).as_deref() != Some("application/x-www-form-urlencoded") {
            return Ok(oauth(StatusCode::BAD_REQUEST, "invalid_request"));
        }
        let fields: BTreeMap<String, String> =
            url::form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            return Ok(oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type"));
        }
        let known = field("client_id") == config.client_id
            && field("client_secret") == config.client_secret;
        if !known {
            return Ok(oauth(StatusCode::UNAUTHORIZED, "invalid_client"));
        }
        let answer = json!({
            "access_token": self.issue(config.token_lifetime),
            "expires_in": config.token_lifetime.as_secs(),
            "token_type": "Bearer",
            "scope": "read",
        });
        let mut response = json_response(StatusCode::OK, &answer);
        set_header(&mut response, CACHE_CONTROL, "no-store");
        Ok(response)
    }

    fn issue(&mut self, lifetime: Duration) -> String {
        let now = Instant::now();
        self.live.retain(|_, expiry| *expiry > now);
        self.issued += 1;
        let token = format!(
            "{:016x}{:016x}",
            mix(self.salt ^ self.issued),
            mix(self.issued)
        );
        self.live.insert(token.clone(), now + lifetime);
        token
    }

    /// Bans whoever asks more than `most` times in a minute.
    fn count(&mut self, most: Option<u16>) -> Result<(), Refusal> {
        let Some(most) = most else {
            return Ok(());
        };
        let now = Instant::now();
        if self.banned_until.is_some_and(|until| now < until) {
            return Err(Refusal::forbidden());
        }
        while self
            .asked
            .front()
            .is_some_and(|first| now - *first >= WINDOW)
        {
            self.asked.pop_front();
        }
        self.asked.push_back(now);
        if self.asked.len() > usize::from(most) {
            self.banned_until = Some(now + BAN);
            self.asked.clear();
            return Err(Refusal::forbidden());
        }
        Ok(())
    }

    /// Lets a request with a live token pass; gives the token.
    pub(crate) fn check<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, Refusal> {
        let given = header(headers, AUTHORIZATION.as_str()).ok_or_else(Refusal::no_token)?;
        let (scheme, token) = given.split_once(' ').unwrap_or((given, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::no_token());
        }
        let live = self.live.get(token.trim());
        let is_live = live.is_some_and(|expiry| *expiry > Instant::now());
        is_live
            .then_some(token.trim())
            .ok_or_else(Refusal::dead_token)
    }

    /// Ends every token at once.
    pub(crate) fn expire(&mut self) {
        self.live.clear();
    }
}

fn oauth(status: StatusCode, code: &str) -> Response {
    json_response(status, &json!({"error": code}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_too_often_is_banned_for_a_while() {
        let mut tokens = Tokens::new(1);
        let ask = |tokens: &mut Tokens| tokens.count(Some(2)).is_ok();
        assert_eq!(
            [ask(&mut tokens), ask(&mut tokens), ask(&mut tokens)],
            [true, true, false]
        );
        tokio::time::advance(WINDOW * 2).await;
        assert!(!ask(&mut tokens), "still banned");
        tokio::time::advance(BAN).await;
        assert!(ask(&mut tokens));
        tokio::time::advance(WINDOW).await;
        assert!(
            ask(&mut tokens) && ask(&mut tokens),
            "the minute before is forgotten"
        );
    }
}
