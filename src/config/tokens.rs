//! Reading which access tokens are accepted.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::reading::{Reading, Setting, setting};
use super::{TokenKey, TokenSettings};
use crate::auth::{ClaimNames, KeySetAddress, PublicKey, SignatureAlgorithm};
use crate::cli::AccessTokenArgs;

/// How long the secret that tokens are signed with must be, in bytes: as long as HS256's hash (RFC 7518, 3.2).
const MIN_SECRET: usize = 32;

const SECRET: Setting = setting("token-secret", "SLOTWISE_TOKEN_SECRET");
const PUBLIC_KEY: Setting = setting("token-public-key", "SLOTWISE_TOKEN_PUBLIC_KEY");
const PUBLIC_KEY_FILE: Setting = setting("token-public-key-file", "SLOTWISE_TOKEN_PUBLIC_KEY_FILE");
const JWKS_URL: Setting = setting("token-jwks-url", "SLOTWISE_TOKEN_JWKS_URL");
const ALGORITHMS: Setting = setting("token-algorithms", "SLOTWISE_TOKEN_ALGORITHMS");

/// Where a key is to come from, as it is written.
enum Source {
    Secret(SecretString),
    Pem(String),
    PemFile(std::path::PathBuf),
    Jwks(String),
}

/// Like every variable that is set to nothing, one of these is as good as not set.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

impl Reading {
    /// The outer `None` is a problem; the inner one: there is no key, and nobody can sign in.
    #[expect(clippy::option_option, reason = "both are meant, and stay within these files")]
    pub(super) fn tokens(&mut self, args: AccessTokenArgs) -> Option<Option<TokenSettings>> {
        let trust_roles =
            self.flag(setting("trust-token-roles", "SLOTWISE_TRUST_TOKEN_ROLES"), &args.trust_token_roles);
        let claims = self.claims(&args);
        let algorithms = self.algorithms(given(args.token_algorithms).as_deref());
        let secret = args.token_secret.filter(|secret| !secret.expose_secret().is_empty());
        let file = args.token_public_key_file.filter(|path| !path.as_os_str().is_empty());
        let sources = [
            secret.map(|secret| (SECRET, Source::Secret(secret))),
            given(args.token_public_key).map(|pem| (PUBLIC_KEY, Source::Pem(pem))),
            file.map(|path| (PUBLIC_KEY_FILE, Source::PemFile(path))),
            given(args.token_jwks_url).map(|url| (JWKS_URL, Source::Jwks(url))),
        ];
        let mut sources = sources.into_iter().flatten();
        let Some((_, source)) = sources.next() else {
            // What is wrong with the other settings has been noted.
            return Some(None);
        };
        if let Some((second, _)) = sources.next() {
            return self.refuse(
                second,
                "cannot be given together with another key for tokens. Leave one: --token-secret, --token-public-key, \
                 --token-public-key-file or --token-jwks-url.",
            );
        }
        let key = self.token_key(source, algorithms);
        Some(Some(TokenSettings {
            key: key?,
            issuer: given(args.token_issuer),
            audience: given(args.token_audience),
            claims: claims?,
            trust_roles: trust_roles?,
        }))
    }

    /// The algorithms that are named; there may be none.
    fn algorithms(&mut self, text: Option<&str>) -> Option<Vec<SignatureAlgorithm>> {
        let Some(text) = text else { return Some(Vec::new()) };
        text.split(',').map(|name| SignatureAlgorithm::named(name.trim())).collect::<Option<_>>().or_else(|| {
            self.refuse(ALGORITHMS, "must be RS256, ES256 or EdDSA, or several of them, separated by commas.")
        })
    }

    /// `algorithms` as [`Self::algorithms`] gives them.
    fn token_key(&mut self, source: Source, algorithms: Option<Vec<SignatureAlgorithm>>) -> Option<TokenKey> {
        match source {
            Source::Secret(secret) => {
                if algorithms.is_some_and(|named| !named.is_empty()) {
                    self.refuse::<()>(ALGORITHMS, "is for public keys. Leave it out: with a secret it is HS256.");
                }
                if secret.expose_secret().len() < MIN_SECRET {
                    return self
                        .refuse(SECRET, "must have at least 32 bytes. `openssl rand -base64 48` makes a good one.");
                }
                Some(TokenKey::Secret(secret))
            }
            Source::Pem(pem) => self.public_key(PUBLIC_KEY, &pem, &algorithms?),
            Source::PemFile(path) => {
                let pem = self.contents(PUBLIC_KEY_FILE, &path);
                self.public_key(PUBLIC_KEY_FILE, &pem?, &algorithms?)
            }
            Source::Jwks(url) => match KeySetAddress::parse(&url) {
                Ok(address) => {
                    let named = algorithms?;
                    let algorithms = if named.is_empty() { vec![SignatureAlgorithm::Rs256] } else { named };
                    Some(TokenKey::Set { address, algorithms })
                }
                Err(should) => self.refuse(JWKS_URL, should),
            },
        }
    }

    fn public_key(&mut self, name: Setting, pem: &str, algorithms: &[SignatureAlgorithm]) -> Option<TokenKey> {
        let algorithm = match algorithms {
            [] => SignatureAlgorithm::Rs256,
            [algorithm] => *algorithm,
            _ => return self.refuse(ALGORITHMS, "must be one algorithm, since a key has only one."),
        };
        // Where a variable has to be one line, line breaks are written like this.
        match PublicKey::from_pem(&pem.replace("\\n", "\n"), algorithm) {
            Ok(key) => Some(TokenKey::Public(key)),
            Err(should) => self.refuse(name, should),
        }
    }

    fn contents(&mut self, name: Setting, path: &Path) -> Option<String> {
        match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.refuse(name, &format!("must be a file that can be read, and {} cannot: {error}.", path.display()))
            }
        }
    }

    fn claims(&mut self, args: &AccessTokenArgs) -> Option<ClaimNames> {
        let usual = ClaimNames::default();
        let mut named = |flag, variable, text: &str, usual: String| match text.trim() {
            "" => Some(usual),
            "exp" | "nbf" | "iat" | "iss" | "aud" => {
                self.refuse(setting(flag, variable), "must be a claim that says something of the bearer.")
            }
            name => Some(name.to_owned()),
        };
        let subject =
            named("token-subject-claim", "SLOTWISE_TOKEN_SUBJECT_CLAIM", &args.token_subject_claim, usual.subject);
        let email = named("token-email-claim", "SLOTWISE_TOKEN_EMAIL_CLAIM", &args.token_email_claim, usual.email);
        let name = named("token-name-claim", "SLOTWISE_TOKEN_NAME_CLAIM", &args.token_name_claim, usual.name);
        let organization = named(
            "token-organization-claim",
            "SLOTWISE_TOKEN_ORGANIZATION_CLAIM",
            &args.token_organization_claim,
            usual.organization,
        );
        let role = named("token-role-claim", "SLOTWISE_TOKEN_ROLE_CLAIM", &args.token_role_claim, usual.role);
        Some(ClaimNames { subject: subject?, email: email?, name: name?, organization: organization?, role: role? })
    }
}
