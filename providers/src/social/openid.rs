use async_trait::async_trait;
use openidconnect::{
    AccessToken, AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, OAuth2TokenResponse, PkceCodeChallenge, RequestTokenError,
    SignatureVerificationError, TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreIdTokenVerifier,
        CoreJwsSigningAlgorithm as Alg, CoreTokenResponse, CoreUserInfoClaims,
    },
};
use secrecy::SecretString;

use super::{
    IdentityProvider, Refused, Secrets, Vouched,
    config::{ClientProof, Settings},
    metadata::{Cached, Metadata},
    text,
    transport::Transport,
};

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet, EndpointMaybeSet>;

/// By a key pair only: our own secret must not be able to sign what the provider says.
const ALGORITHMS: [Alg; 7] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

pub(super) struct OpenId {
    settings: Settings,
    transport: Transport,
    metadata: Cached,
}

impl OpenId {
    pub fn new(settings: Settings, transport: Transport) -> OpenId {
        OpenId { settings, transport, metadata: Cached::default() }
    }

    fn client(&self, metadata: &Metadata) -> Result<Client, Refused> {
        let settings = &self.settings;
        let token_endpoint = settings.token_endpoint.as_ref().or(metadata.token_endpoint()).cloned();
        let token_endpoint = token_endpoint.ok_or(Refused::Failed("it names no token endpoint"))?;
        let secret = match &settings.proof {
            ClientProof::Secret(secret) => text(secret),
            ClientProof::Apple(key) => {
                let secret = key.secret(settings.issuer.as_str());
                text(&secret.ok_or(Refused::Failed("no client secret can be made"))?)
            }
        };
        let secret = Some(ClientSecret::new(secret));
        let client = CoreClient::from_provider_metadata(metadata.clone(), settings.client_id.clone(), secret);
        Ok(client
            .set_token_uri(token_endpoint)
            .set_redirect_uri(settings.redirect_uri.clone())
            .set_auth_type(settings.auth_type.clone().unwrap_or_else(|| auth_type(metadata))))
    }

    async fn redeem(
        &self,
        client: &Client,
        code: &SecretString,
        secrets: &Secrets,
    ) -> Result<CoreTokenResponse, Refused> {
        let code = AuthorizationCode::new(text(code));
        let request = client.exchange_code(code).set_pkce_verifier(secrets.verifier());
        request.request_async(&self.transport).await.map_err(|error| match error {
            // The provider looked at the code and did not like it.
            RequestTokenError::ServerResponse(_) => Refused::NotVouched("it refused the code"),
            RequestTokenError::Request(_) => Refused::Failed("its token endpoint cannot be reached"),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                Refused::Failed("its token endpoint answers otherwise than documented")
            }
        })
    }

    /// The claims of the ID token, once all of it is checked. A key that is not known may be a new one.
    async fn claims(
        &self,
        client: &Client,
        response: &CoreTokenResponse,
        secrets: &Secrets,
    ) -> Result<CoreIdTokenClaims, Refused> {
        match checked(client, response, secrets) {
            Err(Unchecked::UnknownKey) => {
                let metadata = self.metadata.renew(&self.settings.issuer, &self.transport).await?;
                checked(&self.client(&metadata)?, response, secrets).map_err(Unchecked::into)
            }
            checked => checked.map_err(Unchecked::into),
        }
    }

    /// What the ID token leaves out, the user-info endpoint may say.
    async fn user_info(
        &self,
        client: &Client,
        token: &AccessToken,
        claims: &CoreIdTokenClaims,
    ) -> Option<CoreUserInfoClaims> {
        let request = client.user_info(token.clone(), Some(claims.subject().clone())).ok()?;
        request.request_async(&self.transport).await.ok()
    }
}

#[async_trait]
impl IdentityProvider for OpenId {
    async fn authorization_url(&self, state: &SecretString, secrets: &Secrets) -> Result<String, Refused> {
        let metadata = self.metadata.get(&self.settings.issuer, &self.transport).await?;
        let client = self.client(&metadata)?;
        let (state, nonce) = (text(state), secrets.nonce());
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, move || CsrfToken::new(state), move || nonce)
            .add_scopes(self.settings.scopes.iter().cloned())
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&secrets.verifier()));
        if let Some(mode) = &self.settings.response_mode {
            request = request.add_extra_param("response_mode", mode.clone());
        }
        Ok(request.url().0.into())
    }

    async fn vouch(&self, code: &SecretString, issuer: Option<&str>, secrets: &Secrets) -> Result<Vouched, Refused> {
        let metadata = self.metadata.get(&self.settings.issuer, &self.transport).await?;
        let told = metadata.additional_metadata().authorization_response_iss_parameter_supported;
        if issuer.map_or(told, |issuer| issuer != self.settings.issuer.as_str()) {
            return Err(Refused::NotVouched("the answer came from another provider"));
        }
        let client = self.client(&metadata)?;
        let response = self.redeem(&client, code, secrets).await?;
        let claims = self.claims(&client, &response, secrets).await?;
        let mut vouched = Vouched {
            issuer: self.settings.issuer.as_str().to_owned(),
            subject: claims.subject().as_str().to_owned(),
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: claims.email_verified().unwrap_or(false),
            given_name: claims.given_name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned()),
            family_name: claims.family_name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned()),
        };
        if vouched.email.is_none()
            && let Some(info) = self.user_info(&client, response.access_token(), &claims).await
        {
            vouched.email = info.email().map(|email| email.as_str().to_owned());
            vouched.email_verified = info.email_verified().unwrap_or(false);
            let given = info.given_name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned());
            let family = info.family_name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned());
            vouched.given_name = vouched.given_name.or(given);
            vouched.family_name = vouched.family_name.or(family);
        }
        Ok(vouched)
    }
}

fn auth_type(metadata: &Metadata) -> AuthType {
    let methods = metadata.token_endpoint_auth_methods_supported();
    let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
    match takes(CoreClientAuthMethod::ClientSecretBasic) {
        true => AuthType::BasicAuth,
        false => AuthType::RequestBody,
    }
}

enum Unchecked {
    UnknownKey,
    Wrong(&'static str),
}

impl From<Unchecked> for Refused {
    fn from(unchecked: Unchecked) -> Refused {
        Refused::NotVouched(match unchecked {
            Unchecked::UnknownKey => "its ID token is signed by a key that it does not publish",
            Unchecked::Wrong(what) => what,
        })
    }
}

/// OpenID Connect Core 1.0 §3.1.3.7.
fn checked(client: &Client, response: &CoreTokenResponse, secrets: &Secrets) -> Result<CoreIdTokenClaims, Unchecked> {
    let token = response.id_token().ok_or(Unchecked::Wrong("it sent no ID token"))?;
    let verifier: CoreIdTokenVerifier<'_> = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
    let claims = token.claims(&verifier, &secrets.nonce()).map_err(|error| match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            Unchecked::UnknownKey
        }
        ClaimsVerificationError::Expired(_) => Unchecked::Wrong("its ID token has expired"),
        ClaimsVerificationError::InvalidAudience(_) => Unchecked::Wrong("its ID token is for somebody else"),
        ClaimsVerificationError::InvalidIssuer(_) => Unchecked::Wrong("its ID token is of another issuer"),
        ClaimsVerificationError::InvalidNonce(_) => Unchecked::Wrong("its ID token is for another login"),
        _ => Unchecked::Wrong("its ID token does not verify"),
    })?;
    if let Some(expected) = claims.access_token_hash() {
        let key = token.signing_key(&verifier).map_err(|_| Unchecked::UnknownKey)?;
        let algorithm = token.signing_alg().map_err(|_| Unchecked::Wrong("its ID token does not verify"))?;
        let actual = AccessTokenHash::from_token(response.access_token(), algorithm, key);
        if actual.ok().as_ref() != Some(expected) {
            return Err(Unchecked::Wrong("its access token is another than the ID token says"));
        }
    }
    Ok(claims.clone())
}
