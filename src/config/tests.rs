use std::fmt::Write as _;

use clap::CommandFactory as _;

use super::*;
use crate::domain::access::Role;
use crate::throttle::{ConnectionLimits, Rate};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn read(line: &str) -> Result<Invocation, String> {
    let cli = Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())?;
    Invocation::from_cli(cli).map_err(|error| error.to_string())
}

fn serve(flags: &str) -> Result<ServeSettings, String> {
    match read(&format!("slotwise --server-key {KEY} {flags}"))? {
        Invocation::Serve(settings) => Ok(*settings),
        other => Err(format!("not serve: {other:?}")),
    }
}

#[test]
fn serve_is_what_happens_without_a_command() {
    let settings = serve("--listen 0.0.0.0:9000").unwrap();
    assert_eq!(settings.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(settings.holds, HoldSettings::default());
    assert_eq!(settings.http.body_limit, HttpSettings::default().body_limit);
    assert!(!settings.guest_bookings);
    assert!(settings.http.graphiql);
    assert!(settings.tokens.is_none());
    assert!(matches!(read(&format!("slotwise serve --server-key {KEY}")), Ok(Invocation::Serve(_))));
}

#[test]
fn other_commands_do_not_need_the_settings_of_serve() {
    assert!(matches!(read("slotwise schema"), Ok(Invocation::Schema)));
    assert!(matches!(read("slotwise demo --listen 127.0.0.1:0"), Ok(Invocation::Demo(_))));
    assert!(matches!(read("slotwise migrate"), Ok(Invocation::Migrate(_))));
    assert!(matches!(read("slotwise check"), Ok(Invocation::Check(settings)) if !settings.repair));
    assert!(matches!(read("slotwise check --repair"), Ok(Invocation::Check(settings)) if settings.repair));
}

#[test]
fn a_switch_can_be_given_with_and_without_a_value() {
    assert!(serve("--guest-bookings").unwrap().guest_bookings);
    assert!(!serve("--guest-bookings false").unwrap().guest_bookings);
    assert!(!serve("--graphiql off").unwrap().http.graphiql);
}

#[test]
fn all_problems_are_told_together_by_flag_and_variable() {
    let error = read(
        "slotwise --listen here --database-url mysql://x --token-secret short --guest-bookings maybe \
         --cors-origins example.com --body-limit-bytes 1 --request-timeout-seconds soon --hold-session-quanta 0 \
         --log-format xml --log a=b=c",
    )
    .unwrap_err();
    for named in [
        "--listen (SLOTWISE_LISTEN) must be an IP address and a port",
        "--database-url (DATABASE_URL) must begin with sqlite:// or postgres://",
        "--server-key (SLOTWISE_SERVER_KEY) is missing",
        "--token-secret (SLOTWISE_TOKEN_SECRET) must have at least 32 bytes",
        "--guest-bookings (SLOTWISE_GUEST_BOOKINGS) must be true or false",
        "--cors-origins (SLOTWISE_CORS_ORIGINS) must be a list of origins",
        "--body-limit-bytes (SLOTWISE_BODY_LIMIT_BYTES) must be a whole number from 1024 to 67108864",
        "--request-timeout-seconds (SLOTWISE_REQUEST_TIMEOUT_SECONDS) must be a whole number from 1 to 600",
        "--hold-session-quanta (SLOTWISE_HOLD_SESSION_QUANTA) must be a whole number from 1",
        "--log-format (SLOTWISE_LOG_FORMAT) must be text or json",
        "--log (SLOTWISE_LOG) must be a level",
    ] {
        assert!(error.contains(named), "{named:?} is not in\n{error}");
    }
}

#[test]
fn a_heartbeat_must_come_before_the_hold_ends() {
    let error = serve("--hold-seconds 5 --heartbeat-seconds 5").unwrap_err();
    assert!(error.contains("--heartbeat-seconds (SLOTWISE_HEARTBEAT_SECONDS) must be less"), "{error}");
}

#[test]
fn a_server_is_reached_where_the_settings_say_if_they_do() {
    let public_url = |flags: &str| serve(flags).map(|settings| settings.public_url.map(|url| url.to_string()));
    let told = public_url("--public-url https://slots.example.com/booking").unwrap();
    assert_eq!(told.as_deref(), Some("https://slots.example.com/booking"));
    assert_eq!((public_url("").unwrap(), public_url("--public-url=").unwrap()), (None, None));
    for wrong in ["slots.example.com", "http://slots.example.com", "https://u:p@a.example", "https://a.example/?b=c"] {
        let error = public_url(&format!("--public-url {wrong}")).unwrap_err();
        assert!(error.contains("--public-url (SLOTWISE_PUBLIC_URL) must be an https address"), "{error}");
    }
}

#[test]
fn admins_are_named_by_address_or_subject() {
    let named = |list: &str| serve(&format!("--admins {list}")).map(|settings| settings.admins);
    let expected = NamedAdmins::from_entries(["ada@example.com", "user_1"]).unwrap();
    assert_eq!(named("Ada@Example.com,,user_1,"), Ok(expected));
    assert_eq!(serve("").unwrap().admins, NamedAdmins::default());
    for wrong in ["@", "ada@", "user_1,a@b@c"] {
        let error = named(wrong).unwrap_err();
        assert!(error.contains("--admins (SLOTWISE_ADMINS) must be a list of email addresses and subjects"), "{error}");
    }
}

#[test]
fn a_short_webhook_secret_is_refused_and_none_means_none() {
    let secret = |text: &str| serve(text).map(|settings| settings.identity_webhook_secret.is_some());
    assert_eq!(secret("--identity-webhook-secret 0123456789abcdef"), Ok(true));
    assert_eq!((secret(""), secret("--identity-webhook-secret=")), (Ok(false), Ok(false)));
    let error = secret("--identity-webhook-secret hunter2").unwrap_err();
    assert!(error.contains("(SLOTWISE_IDENTITY_WEBHOOK_SECRET) must have at least 16 bytes"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_short_server_key_is_refused_and_no_secret_is_ever_shown() {
    let error = read("slotwise --server-key tooshort").unwrap_err();
    assert!(error.contains("at least 32 characters") && !error.contains("tooshort"), "{error}");
    let settings =
        serve(&format!("--token-secret {KEY} --identity-webhook-secret {KEY} --database-url postgres://u:hunter2@h/d"))
            .unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains(KEY) && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn origins_are_scheme_and_host_and_nothing_more() {
    let origins = |list: &str| serve(&format!("--cors-origins {list}")).map(|settings| settings.http.origins);
    assert_eq!(origins("*"), Ok(Origins::Any));
    assert_eq!(
        origins("https://Example.com,http://localhost:3000"),
        Ok(Origins::Listed(vec!["https://example.com".into(), "http://localhost:3000".into()]))
    );
    for wrong in
        ["example.com", "https://example.com/", "https://example.com/a", "ftp://example.com", "https://a@b", "*,*"]
    {
        assert!(origins(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_token_is_asked_for_by_role_and_person() {
    let line = format!(
        "slotwise token --token-secret {KEY} --role STAFF --subject usr_1 --email a@b.c --name Ada --organization org_x \
         --valid-hours 2"
    );
    let Ok(Invocation::Token(request)) = read(&line) else { panic!("no token") };
    assert_eq!(request.valid, Duration::from_hours(2));
    assert_eq!(request.profile.role, Role::Staff);
    assert_eq!(request.profile.subject.as_str(), "usr_1");
    assert_eq!(request.profile.organization.as_str(), "org_x");

    let error = read("slotwise token --role boss --valid-hours 0").unwrap_err();
    for named in ["--token-secret (SLOTWISE_TOKEN_SECRET) is missing", "--role must be", "--valid-hours must be"] {
        assert!(error.contains(named), "{named:?} is not in\n{error}");
    }
}

const PEM_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/ec-1.public.pem");

fn tokens(flags: &str) -> Result<TokenSettings, String> {
    serve(flags)?.tokens.ok_or_else(|| "nobody can sign in".to_owned())
}

#[test]
fn a_key_for_tokens_comes_from_one_place_with_its_algorithm() {
    let secret = tokens(&format!("--token-secret {KEY}")).unwrap();
    assert!(matches!(secret.key, TokenKey::Secret(_)));
    assert_eq!((secret.issuer, secret.audience, secret.trust_roles), (None, None, false));
    assert_eq!(secret.claims, ClaimNames::default());

    let of_file = tokens(&format!("--token-public-key-file {PEM_FILE} --token-algorithms es256")).unwrap();
    assert!(matches!(of_file.key, TokenKey::Public(key) if key.algorithm() == SignatureAlgorithm::Es256));

    let algorithms = |flags: &str| match tokens(&format!("--token-jwks-url https://id.example/jwks {flags}"))?.key {
        TokenKey::Set { algorithms, .. } => Ok(algorithms),
        other => Err(format!("{other:?}")),
    };
    assert_eq!(algorithms(""), Ok(vec![SignatureAlgorithm::Rs256]));
    let both = vec![SignatureAlgorithm::Rs256, SignatureAlgorithm::EdDsa];
    assert_eq!(algorithms("--token-algorithms RS256,EdDSA"), Ok(both));
}

#[test]
fn line_breaks_of_a_pem_can_be_written_in_one_line() {
    let pem = std::fs::read_to_string(PEM_FILE).unwrap();
    for pem in [pem.clone(), pem.replace('\n', "\\n")] {
        let flags = ["slotwise", "--server-key", KEY, "--token-algorithms", "ES256", "--token-public-key", &pem];
        let Ok(Invocation::Serve(settings)) = Invocation::from_cli(Cli::try_parse_from(flags).unwrap()) else {
            panic!("refused: {pem}")
        };
        assert!(matches!(settings.tokens.unwrap().key, TokenKey::Public(_)));
    }
}

#[test]
fn what_cannot_be_a_key_for_tokens_is_found_at_the_start() {
    let file = "--token-public-key-file";
    for (flags, told) in [
        (format!("{file} {PEM_FILE}"), "--token-public-key-file (SLOTWISE_TOKEN_PUBLIC_KEY_FILE) must be an RSA"),
        (format!("{file} /no/such/file"), "(SLOTWISE_TOKEN_PUBLIC_KEY_FILE) must be a file that can be read"),
        (format!("{file} {PEM_FILE} --token-algorithms ES256,RS256"), "(SLOTWISE_TOKEN_ALGORITHMS) must be one"),
        ("--token-public-key nonsense".to_owned(), "--token-public-key (SLOTWISE_TOKEN_PUBLIC_KEY) must be an RSA"),
        ("--token-jwks-url http://id.example/jwks".to_owned(), "(SLOTWISE_TOKEN_JWKS_URL) must be an https address"),
        ("--token-algorithms none".to_owned(), "(SLOTWISE_TOKEN_ALGORITHMS) must be RS256, ES256 or EdDSA"),
        ("--token-algorithms RS256,HS256".to_owned(), "(SLOTWISE_TOKEN_ALGORITHMS) must be RS256, ES256 or EdDSA"),
        (format!("--token-secret {KEY} --token-algorithms RS256"), "(SLOTWISE_TOKEN_ALGORITHMS) is for public keys"),
        (format!("--token-secret {KEY} {file} {PEM_FILE}"), "cannot be given together with another key"),
        (format!("{file} {PEM_FILE} --token-jwks-url https://id.example/jwks"), "cannot be given together"),
        ("--token-role-claim exp".to_owned(), "(SLOTWISE_TOKEN_ROLE_CLAIM) must be a claim that says something"),
        ("--trust-token-roles maybe".to_owned(), "(SLOTWISE_TRUST_TOKEN_ROLES) must be true or false"),
    ] {
        let error = serve(&flags).unwrap_err();
        assert!(error.contains(told), "{flags}: {told:?} is not in\n{error}");
    }
}

#[test]
fn claims_can_have_other_names_and_roles_can_be_trusted() {
    let settings = tokens(&format!(
        "--token-secret {KEY} --token-issuer https://id.example/ --token-audience slotwise --trust-token-roles \
         --token-subject-claim uid --token-email-claim mail --token-name-claim https://x.example/name \
         --token-organization-claim tenant --token-role-claim realm_access.roles"
    ))
    .unwrap();
    assert_eq!(settings.issuer.as_deref(), Some("https://id.example/"));
    assert_eq!(settings.audience.as_deref(), Some("slotwise"));
    assert!(settings.trust_roles);
    let names = ["uid", "mail", "https://x.example/name", "tenant", "realm_access.roles"].map(str::to_owned);
    let [subject, email, name, organization, role] = names;
    assert_eq!(settings.claims, ClaimNames { subject, email, name, organization, role });
}

#[test]
fn a_token_is_made_with_a_secret_and_with_nothing_else() {
    let error = read("slotwise token --token-jwks-url https://id.example/jwks").unwrap_err();
    assert!(error.contains("only the identity provider makes them"), "{error}");
}

#[test]
fn rates_are_named_and_what_is_not_named_stays() {
    let rates = |list: &str| serve(&format!("--rate-limits {list}")).map(|settings| settings.limits.rates);
    let usual = RateLimits::default();
    assert_eq!(serve("").unwrap().limits, LimitSettings::default());
    assert_eq!(rates("off"), Ok(RateLimits::OFF));
    assert_eq!(
        rates("queries=60/10,changes=off,failed-sign-ins=0"),
        Ok(RateLimits { queries: Rate::new(60, 10), changes: None, failed_sign_ins: None, ..usual })
    );
    assert_eq!(
        rates("heartbeats=1/2,session-heartbeats=3/4"),
        Ok(RateLimits { heartbeats: Rate::new(1, 2), session_heartbeats: Rate::new(3, 4), ..usual })
    );
    for wrong in ["on", "queries", "queries=60", "queries=60/0", "queries=-1/5", "bookings=60/10", "queries=1/2/3"] {
        let error = rates(wrong).unwrap_err();
        assert!(error.contains("--rate-limits (SLOTWISE_RATE_LIMITS) must be off, or a list"), "{wrong}: {error}");
    }
    let Ok(Invocation::Demo(demo)) = read("slotwise demo --rate-limits off") else { panic!("no demo") };
    assert_eq!(demo.rates, RateLimits::OFF);
}

#[test]
fn what_may_be_open_is_named_and_what_is_not_named_stays() {
    let limits = |list: &str| serve(&format!("--connection-limits {list}")).map(|settings| settings.limits.connections);
    assert_eq!(
        limits("total=7,per-address=6,sockets=5,subscriptions=4"),
        Ok(ConnectionLimits { total: 7, per_address: 6, sockets: 5, subscriptions: 4 })
    );
    assert_eq!(limits("sockets=5"), Ok(ConnectionLimits { sockets: 5, ..ConnectionLimits::default() }));
    for wrong in ["off", "sockets", "sockets=0", "sockets=many", "windows=5", "total=1000001"] {
        let error = limits(wrong).unwrap_err();
        assert!(error.contains("--connection-limits (SLOTWISE_CONNECTION_LIMITS) must be a list"), "{wrong}: {error}");
    }
    let error = serve("--max-complexity 10").unwrap_err();
    assert!(error.contains("--max-complexity (SLOTWISE_MAX_COMPLEXITY) must be a whole number from 1000"), "{error}");
}

#[test]
fn the_defaults_that_are_told_are_those_that_there_are() {
    let told = |flag: &str| {
        let command = Cli::command();
        let help =
            command.get_arguments().find(|arg| arg.get_long() == Some(flag)).unwrap().get_help().unwrap().to_string();
        help.split("Default: `").nth(1).unwrap().split('`').next().unwrap().to_owned()
    };
    let limits =
        serve(&format!("--rate-limits {} --connection-limits {}", told("rate-limits"), told("connection-limits")));
    assert_eq!(limits.unwrap().limits, LimitSettings::default());
    // Each is told, or it would keep its default unseen.
    assert_eq!(told("rate-limits").matches('=').count(), 5);
    assert_eq!(told("connection-limits").matches('=').count(), 4);
}

#[test]
fn proxies_are_addresses_and_networks() {
    let proxies = |list: &str| serve(&format!("--trusted-proxies {list}")).map(|settings| settings.http.proxies);
    let known = proxies("10.0.0.0/8,127.0.0.1,fd00::/8").unwrap();
    for (address, trusted) in [
        ("10.9.8.7", true),
        ("127.0.0.1", true),
        ("::ffff:10.9.8.7", true),
        ("fd00::1", true),
        ("127.0.0.2", false),
        ("11.0.0.1", false),
        ("fe80::1", false),
    ] {
        assert_eq!(known.include(address.parse().unwrap()), trusted, "{address}");
    }
    assert!(!serve("").unwrap().http.proxies.include("127.0.0.1".parse().unwrap()));
    for wrong in ["10.0.0.0/33", "proxy.example", "10.0.0", "*"] {
        let error = proxies(wrong).unwrap_err();
        assert!(error.contains("--trusted-proxies (SLOTWISE_TRUSTED_PROXIES) must be a list"), "{wrong}: {error}");
    }
}

#[test]
fn the_schema_is_told_unless_one_says_no() {
    assert!(serve("").unwrap().http.introspection);
    assert!(!serve("--introspection off").unwrap().http.introspection);
}

/// The README's table of settings, as the command line itself has it.
fn table() -> String {
    let mut table = String::from("| Flag | Variable | Default | What it does |\n| --- | --- | --- | --- |\n");
    for arg in Cli::command().get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")) {
        let default =
            arg.get_default_values().first().map_or_else(String::new, |value| format!("`{}`", value.display()));
        let help = arg.get_long_help().or(arg.get_help()).map(|help| help.to_string().replace('\n', " "));
        let _infallible = writeln!(
            table,
            "| `--{}` | `{}` | {default} | {} |",
            arg.get_long().unwrap_or_default(),
            arg.get_env().map(|name| name.display().to_string()).unwrap_or_default(),
            help.unwrap_or_default().replace('|', "\\|"),
        );
    }
    table
}

#[test]
fn the_table_of_settings_in_the_readme_is_current() {
    let Ok(readme) = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")) else { return };
    let table = table();
    assert!(readme.contains(&table), "the README's table of settings should be:\n{table}");
}

#[test]
fn webhooks_go_to_public_addresses_only_unless_one_says_otherwise() {
    assert_eq!(serve("").unwrap().webhooks, WebhookSettings::default());
    assert_eq!(
        serve("--webhooks-insecure").unwrap().webhooks,
        WebhookSettings { insecure: true, ..WebhookSettings::default() }
    );
    let error = serve("--webhooks-insecure perhaps").unwrap_err();
    assert!(error.contains("--webhooks-insecure (SLOTWISE_WEBHOOKS_INSECURE) must be true or false"), "{error}");
}
