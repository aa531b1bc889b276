//! Refusals of who asks: login, claims, namespaces, relationships, profiles, and too much at once.

use http::StatusCode;

use super::{Problem, WRONG_CONSTRUCTION};

impl Problem {
    /// 401 with one of the texts of the reference.
    pub(crate) fn authentication(error: &str) -> Self {
        let kind = "security:authentication";
        let detail = "The caller could not be authenticated.";
        Self::new(
            StatusCode::UNAUTHORIZED,
            kind,
            "Authentication Failed",
            detail,
        )
        .error(error)
        .legacy(error)
        .pipeline()
    }

    /// 401 as the Data Management Service words it.
    pub(crate) fn unauthorized() -> Self {
        let detail = "The caller could not be authenticated.";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Unauthorized",
            detail,
        )
    }

    fn denied(kind: &'static str, more: &str) -> Self {
        let detail = format!("Access to the requested data could not be authorized.{more}");
        let title = "Authorization Denied";
        Self::new(StatusCode::FORBIDDEN, kind, title, &detail)
            .legacy(format!("Authorization denied.{more}"))
    }

    /// 403 for a client without a claim.
    pub(crate) fn no_claim(kind: &'static str, text: &str) -> Self {
        Self::denied(kind, &format!(" {text}"))
    }

    /// 403 for a client that may write to no namespace.
    pub(crate) fn no_namespaces() -> Self {
        let kind = "security:authorization:namespace:invalid-client:no-namespaces";
        Self::denied(kind, "").error(
            "The API client has been given permissions on a resource that uses the \
             'NamespaceBased' authorization strategy but the client doesn't have any namespace \
             prefixes assigned.",
        )
    }

    /// 403 for data without the namespace that decides about it.
    pub(crate) fn namespace_required() -> Self {
        let kind = "security:authorization:namespace:access-denied:namespace-required";
        Self::denied(kind, " The 'Namespace' value has not been assigned.")
    }

    /// 403 for data in a namespace of somebody else.
    pub(crate) fn namespace_mismatch(prefixes: &[String]) -> Self {
        let kind = "security:authorization:namespace:access-denied:namespace-mismatch";
        let list: Vec<String> = prefixes
            .iter()
            .map(|prefix| format!("'{prefix}'"))
            .collect();
        let text = format!(
            " The 'Namespace' value of the data does not start with any of the caller's \
             associated namespace prefixes ({}).",
            list.join(", ")
        );
        Self::denied(kind, &text)
    }

    /// 403 for data that no relationship leads to; `hint` names what would establish one.
    pub(crate) fn unrelated(hint: Option<&str>, error: &str) -> Self {
        let more = hint.map_or_else(String::new, |hint| {
            format!(" Hint: You may need to create a corresponding {hint} item.")
        });
        Self::denied("security:authorization:", &more)
            .error(error)
            .legacy(format!("Authorization denied. {error}"))
    }

    /// A media type of a profile that does not fit the request.
    pub(crate) fn profile_usage(status: StatusCode, error: &str) -> Self {
        let (kind, title) = ("profile:invalid-profile-usage", "Invalid Profile Usage");
        Self::new(status, kind, title, WRONG_CONSTRUCTION)
            .error(error)
            .legacy(error)
            .pipeline()
    }

    /// 405 for a profile of the other direction only.
    pub(crate) fn profile_method() -> Self {
        let (kind, title) = ("profile:method-usage", "Method Not Allowed with Profile");
        let detail = "The profile does not allow this use of the resource.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, title, detail).pipeline()
    }

    /// 403 for a client that is bound to other profiles, or must choose one.
    pub(crate) fn profile_policy() -> Self {
        let kind = "security:data-policy:incorrect-usage";
        let title = "Data Policy Failure Due to Incorrect Usage";
        let detail = "A data policy failure was encountered. The request was not constructed \
                      correctly for the data policy that has been applied to this data for the \
                      caller.";
        Self::new(StatusCode::FORBIDDEN, kind, title, detail)
    }

    /// 400 for a new item of which the profile hides a member that it needs.
    pub(crate) fn data_policy(member: &str) -> Self {
        let (kind, title) = ("bad-request:data-policy-enforced", "Data Policy Enforced");
        let detail = "The data cannot be saved because a data policy has been applied to the \
                      request that prevents it.";
        Self::new(StatusCode::BAD_REQUEST, kind, title, detail).error(format!(
            "The profile hides the member '{member}', which a new item needs."
        ))
    }

    /// 429 for a client with too many live tokens.
    pub(crate) fn too_many_tokens() -> Self {
        let kind = "security:authentication:too-many-tokens";
        let detail = "Too many access tokens have been requested for the client. Access is denied \
                      until existing tokens expire.";
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            kind,
            "Too Many Tokens",
            detail,
        )
    }

    /// 429 of the service of version 8.
    pub(crate) fn too_many_requests() -> Self {
        let detail = "Too many requests have been made. Try again later.";
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too Many Requests",
            detail,
        )
    }
}
