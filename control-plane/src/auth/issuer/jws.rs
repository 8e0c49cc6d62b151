//! The cryptography of signatures, which is that of this process' TLS. Nothing is signed here.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{Error as SignatureError, Verifier},
};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(unsupported()),
    verifier_factory: |algorithm, key| {
        Signature::of(*algorithm, key)
            .map(|signature| Box::new(signature) as Box<dyn JwtVerifier>)
            .ok_or_else(unsupported)
    },
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

/// Has to come before anything is verified.
pub(super) fn install() {
    // It was done before.
    let _ = PROVIDER.install_default();
}

fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

/// How a key's signatures are verified.
struct Signature {
    algorithm: Algorithm,
    key: DecodingKeyKind,
}

impl Signature {
    /// The kind of the key has to be that of the algorithm: the one is the issuer's, and the other is in
    /// the token.
    fn of(algorithm: Algorithm, key: &DecodingKey) -> Option<Self> {
        let fits = match (algorithm, key.kind()) {
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { .. }) => true,
            (Algorithm::ES256 | Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(_)) => {
                algorithm.family() == key.family()
            }
            _ => false,
        };
        fits.then(|| Self { algorithm, key: key.kind().clone() })
    }
}

impl Verifier<Vec<u8>> for Signature {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let verified =
            match &self.key {
                DecodingKeyKind::RsaModulusExponent { n, e } => RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
                DecodingKeyKind::SecretOrDer(bytes) => {
                    let algorithm: &dyn VerificationAlgorithm = match self.algorithm {
                        Algorithm::ES256 => &ECDSA_P256_SHA256_FIXED,
                        Algorithm::EdDSA => &ED25519,
                        _ => return Err(SignatureError::new()),
                    };
                    UnparsedPublicKey::new(algorithm, bytes).verify(message, signature)
                }
            };
        verified.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Signature {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
