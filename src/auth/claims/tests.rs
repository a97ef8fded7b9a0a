use serde_json::json;

use super::*;

fn identity_of(names: &ClaimNames, claims: &Value, trust_roles: bool) -> Result<Identity, InvalidToken> {
    names.identity(claims.as_object().unwrap(), trust_roles)
}

fn identity(claims: &Value) -> Result<Identity, InvalidToken> {
    identity_of(&ClaimNames::default(), claims, true)
}

#[test]
fn a_token_that_says_little_is_of_the_default_organization_and_names_no_role() {
    let identity = identity(&json!({"sub": "usr_1"})).unwrap();
    let id = UserId::from("usr_1");
    let organization_id = OrganizationId::fallback();
    assert_eq!(identity, Identity { id, organization_id, role: None, email: None, name: None });
}

#[test]
fn a_subject_or_an_organization_that_cannot_be_an_id_is_nobodys() {
    let long = "x".repeat(MAX_ID_LENGTH + 1);
    for claims in [
        json!({}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 1}),
        json!({"sub": ["usr_1"]}),
        json!({"sub": long}),
        json!({"sub": "usr_1", "org_id": long}),
        json!({"sub": "usr_1", "org_id": 1}),
        json!({"sub": "usr_1", "org_id": {"id": "org_x"}}),
    ] {
        assert_eq!(identity(&claims), Err(InvalidToken), "{claims}");
    }
    let without = identity(&json!({"sub": "usr_1", "org_id": ""})).unwrap();
    assert_eq!(without.organization_id, OrganizationId::fallback());
}

#[test]
fn the_highest_role_that_is_named_counts() {
    for (role, expected) in [
        (json!("ADMIN"), Some(Role::Admin)),
        (json!("Staff"), Some(Role::Staff)),
        (json!("customer"), Some(Role::Customer)),
        (json!("member"), Some(Role::Customer)),
        (json!(["offline_access", "staff", "customer"]), Some(Role::Staff)),
        (json!(["staff", 5, "admin"]), Some(Role::Admin)),
        (json!([["admin"]]), Some(Role::Customer)),
        (json!([]), Some(Role::Customer)),
        (json!({"admin": true}), Some(Role::Customer)),
        (json!("admin staff"), Some(Role::Customer)),
        (json!(null), None),
    ] {
        let claims = json!({"sub": "usr_1", "role": role});
        assert_eq!(identity(&claims).unwrap().role, expected, "{role}");
        assert_eq!(identity_of(&ClaimNames::default(), &claims, false).unwrap().role, None, "{role}");
    }
}

#[test]
fn an_email_address_that_is_not_verified_does_not_count() {
    for (verified, counts) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(null), true),
        (json!(false), false),
        (json!("false"), false),
        (json!(0), false),
    ] {
        let claims = json!({"sub": "usr_1", "email": "ada@example.com", "email_verified": verified});
        assert_eq!(identity(&claims).unwrap().email.is_some(), counts, "{verified}");
    }
    let own = ClaimNames { email: "https://example.com/email".into(), ..ClaimNames::default() };
    for beside in ["email_verified", "https://example.com/email_verified"] {
        let claims = json!({"sub": "usr_1", "https://example.com/email": "ada@example.com", beside: false});
        assert_eq!(identity_of(&own, &claims, true).unwrap().email, None, "{beside}");
    }
}

#[test]
fn what_is_no_text_is_no_email_address_and_no_name() {
    for nothing in [json!(null), json!(""), json!("  "), json!(5), json!(["ada@example.com"])] {
        let identity = identity(&json!({"sub": "usr_1", "email": nothing, "name": nothing})).unwrap();
        assert_eq!((identity.email, identity.name), (None, None), "{nothing}");
    }
}

#[test]
fn claims_are_found_by_name_and_then_by_path() {
    let claims = json!({
        "realm_access": {"roles": ["staff"]},
        "https://example.com/role": "admin",
        "resource_access": {"studio.app": {"roles": ["admin"]}},
        "a.b": "exactly",
        "a": {"b": "below", "c": null},
    });
    let claims = claims.as_object().unwrap();
    for (name, found) in [
        ("realm_access.roles", Some(json!(["staff"]))),
        ("https://example.com/role", Some(json!("admin"))),
        ("resource_access.studio.app.roles", Some(json!(["admin"]))),
        ("a.b", Some(json!("exactly"))),
        ("a.c", None),
        ("a.b.c", None),
        ("a.", None),
        (".a", None),
        ("realm_access.roles.0", None),
        ("nothing", None),
    ] {
        assert_eq!(find(claims, name), found.as_ref(), "{name}");
    }
}
