use super::*;

#[test]
fn a_secret_has_16_to_128_characters() {
    assert!(SessionSecret::new("x".repeat(15)).is_none());
    assert!(SessionSecret::new("x".repeat(16)).is_some());
    assert!(SessionSecret::new("ä".repeat(128)).is_some());
    assert!(SessionSecret::new("x".repeat(129)).is_none());
}

#[test]
fn a_secret_is_not_shown() {
    assert_eq!(format!("{:?}", secret("a")), "SessionSecret(…)");
    let request = format!(
        "{:?}",
        HoldRequest {
            session: secret("a"),
            address: Heartbeat::of("studio", []).address,
            item: exclusive("studio"),
            add_ons: Vec::new(),
            slots: Vec::new(),
            event_type_id: None,
            data: None,
        }
    );
    assert!(!request.contains("secret of"));
}

#[test]
fn a_holder_is_one_for_a_resource_and_another_elsewhere() {
    let world = World::new();
    assert_eq!(world.holder("a", "studio"), World::new().holder("a", "studio"));
    assert_ne!(world.holder("a", "studio"), world.holder("b", "studio"));
    assert_ne!(world.holder("a", "studio"), world.holder("a", "other"));
    assert_eq!(world.holder("a", "studio").len(), 22);

    let other_key = SecretSlice::from(vec![8; 32]);
    let other = Presence::new(HoldSettings::default(), &other_key, world.clock.clone(), world.feed.clone());
    assert_ne!(other.holder(&id("studio"), &secret("a")).as_str(), world.holder("a", "studio"));
}
