//! What a token says of its bearer: which claim means what is a matter of the settings.

use serde_json::{Map, Value};

use super::bearer::InvalidToken;
use crate::domain::access::{Identity, Role};
use crate::domain::id::{MAX_ID_LENGTH, OrganizationId, UserId};

/// What the claims are called that are read of a token.
///
/// A claim is called exactly that. If there is none and the name has dots, it is a path into objects:
/// `realm_access.roles` is the member `roles` of the claim `realm_access`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// Who the bearer is.
    pub subject: String,
    /// Their email address. A claim beside it with `_verified` at its end that is not true takes it back.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their organization.
    pub organization: String,
    /// Their role, a text or a list of texts.
    pub role: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            email: "email".to_owned(),
            name: "name".to_owned(),
            organization: "org_id".to_owned(),
            role: "role".to_owned(),
        }
    }
}

impl ClaimNames {
    /// Whom `claims` speak of. What they say of a role counts with `trust_roles` only.
    pub(super) fn identity(&self, claims: &Map<String, Value>, trust_roles: bool) -> Result<Identity, InvalidToken> {
        let subject = id(find(claims, &self.subject))?.ok_or(InvalidToken)?;
        let organization = id(find(claims, &self.organization))?;
        let email = text(find(claims, &self.email)).filter(|_| self.email_counts(claims));
        let role = find(claims, &self.role).filter(|_| trust_roles).map(role_in);
        Ok(Identity {
            id: UserId::from(subject),
            organization_id: organization.map_or_else(OrganizationId::fallback, OrganizationId::from),
            role,
            email,
            name: text(find(claims, &self.name)),
        })
    }

    /// Whether nothing says that nobody has made sure of the email address (`OpenID` Connect Core 1.0, 5.1).
    fn email_counts(&self, claims: &Map<String, Value>) -> bool {
        let beside = format!("{}_verified", self.email);
        [beside.as_str(), "email_verified"].into_iter().all(|name| match find(claims, name) {
            None | Some(Value::Bool(true)) => true,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            Some(_) => false,
        })
    }
}

/// The claim of that name; one that is null says nothing.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let below = || {
        // Names of members may have dots of their own.
        let mut paths = name.match_indices('.').map(|(dot, _)| (&name[..dot], &name[dot + 1..]));
        paths.find_map(|(first, rest)| find(claims.get(first)?.as_object()?, rest))
    };
    claims.get(name).or_else(below).filter(|value| !value.is_null())
}

/// A claim that names somebody or something. One that is there and cannot be an id is no reason to take another.
fn id(claim: Option<&Value>) -> Result<Option<String>, InvalidToken> {
    match claim {
        None => Ok(None),
        Some(Value::String(id)) if id.len() <= MAX_ID_LENGTH => Ok(Some(id.clone()).filter(|id| !id.is_empty())),
        Some(_) => Err(InvalidToken),
    }
}

fn text(claim: Option<&Value>) -> Option<String> {
    claim?.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The highest role that is named. An identity provider has roles of its own; whoever has only those is a customer.
fn role_in(claim: &Value) -> Role {
    let named = |claim: &Value| claim.as_str().map_or(Role::Customer, role_named);
    match claim {
        Value::Array(roles) => roles.iter().map(named).max().unwrap_or(Role::Customer),
        role => named(role),
    }
}

fn role_named(name: &str) -> Role {
    match name.to_ascii_lowercase().as_str() {
        "staff" => Role::Staff,
        "admin" => Role::Admin,
        _ => Role::Customer,
    }
}

/// What a role is called in tokens.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer",
        Role::Staff => "staff",
        Role::Admin => "admin",
    }
}

#[cfg(test)]
mod tests;
