//! ECDSA (SEC 1, 4.1.4) on the curves that ring does not know: P-192, P-224 and P-521, secp256k1, those of
//! Brainpool; and on P-256 and P-384 with other hashes than ring takes. Verification only.

use super::modular::{Modulus, Residue, bits, is_below, is_zero, words};
use crate::parse::signed::ecdsa_numbers;

/// A curve y² = x³ + ax + b, its numbers in hex (FIPS 186-4 D.1.2, SEC 2, RFC 5639).
struct Parameters {
    /// The content of its object identifier.
    id: &'static [u8],
    prime: &'static str,
    a: &'static str,
    b: &'static str,
    generator: [&'static str; 2],
    order: &'static str,
}

/// The curve of a public key, with what is computed of it once.
struct Curve {
    field: Modulus,
    order: Modulus,
    a: Residue,
    b: Residue,
    /// Bytes of a coordinate.
    length: usize,
}

/// A point in Jacobian coordinates; `None` is the one at infinity.
type Point = Option<[Residue; 3]>;

/// Whether a signature of a digest is that of a key; `None` where the curve is not known here, or
/// the key is not an uncompressed point.
pub(super) fn verify(curve: &[u8], key: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    let parameters = CURVES.iter().find(|one| one.id == curve)?;
    let curve = Curve::of(parameters)?;
    // 4: both coordinates follow.
    let coordinates = key.strip_prefix(&[4])?;
    let generator = curve.point(&parameters.generator.map(unhex).concat())?;
    Some(curve.holds(&generator, coordinates, digest, signature) == Some(true))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes();
    data_encoding::HEXLOWER.decode(digits).unwrap_or_default()
}

impl Curve {
    fn of(parameters: &Parameters) -> Option<Self> {
        let prime = unhex(parameters.prime);
        let field = Modulus::new(&prime)?;
        Some(Self {
            a: field.enter(&words(&unhex(parameters.a)))?,
            b: field.enter(&words(&unhex(parameters.b)))?,
            order: Modulus::new(&unhex(parameters.order))?,
            length: prime.len(),
            field,
        })
    }

    fn holds(
        &self,
        generator: &[Residue; 3],
        key: &[u8],
        digest: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let key = self.point(key)?;
        let [r, s] = ecdsa_numbers(signature)?;
        let (r, s) = (words(r), words(s));
        if is_zero(&r) || is_zero(&s) {
            return None;
        }
        let in_order = self.order.enter(&r)?;
        let inverse = self
            .order
            .power(&self.order.enter(&s)?, &self.order.less(2));
        let digest = self.order.enter(&self.reduced(digest))?;
        let of_generator = self.order.leave(&self.order.multiply(&digest, &inverse));
        let of_key = self.order.leave(&self.order.multiply(&in_order, &inverse));
        let [x, _, z] = self.both(&of_generator, generator, &of_key, &key)?;
        let inverse = self.field.power(&z, &self.field.less(2));
        let x = self.field.multiply(&x, &self.field.square(&inverse));
        let mut x = self.field.leave(&x);
        // Of the curves here the field is below twice the order.
        if !is_below(&x, self.order.words()) {
            x = Modulus::without(&x, self.order.words());
        }
        Some(self.order.enter(&x)? == in_order)
    }

    /// The leftmost bits of a digest, as many as the order has, below the order.
    fn reduced(&self, digest: &[u8]) -> Vec<u64> {
        let bits_of_order = bits(self.order.words()).skip_while(|bit| !bit).count();
        let taken = digest
            .get(..digest.len().min(bits_of_order.div_ceil(8)))
            .unwrap_or_default();
        let mut number = words(taken);
        let spare = (taken.len() * 8).saturating_sub(bits_of_order);
        if spare > 0 {
            let mut above = 0;
            for word in number.iter_mut().rev() {
                let low = *word << (64 - spare);
                *word = *word >> spare | above;
                above = low;
            }
        }
        if is_below(&number, self.order.words()) {
            number
        } else {
            Modulus::without(&number, self.order.words())
        }
    }

    /// A point of the curve, of its two coordinates.
    fn point(&self, coordinates: &[u8]) -> Option<[Residue; 3]> {
        let field = &self.field;
        if coordinates.len() != self.length * 2 {
            return None;
        }
        let (x, y) = coordinates.split_at(self.length);
        let (x, y) = (field.enter(&words(x))?, field.enter(&words(y))?);
        let cubic = field.multiply(&field.add(&field.square(&x), &self.a), &x);
        let is_on_it = field.square(&y) == field.add(&cubic, &self.b);
        is_on_it.then(|| [x, y, field.one()])
    }

    /// The sum of two multiples.
    fn both(&self, one: &[u64], at: &[Residue; 3], other: &[u64], with: &[Residue; 3]) -> Point {
        let sum = self.sum(&Some(at.clone()), &Some(with.clone()));
        let mut result: Point = None;
        for (one, other) in bits(one).zip(bits(other)) {
            result = self.twice(&result);
            let added = match (one, other) {
                (false, false) => continue,
                (true, false) => &Some(at.clone()),
                (false, true) => &Some(with.clone()),
                (true, true) => &sum,
            };
            result = self.sum(&result, added);
        }
        result.filter(|[_, _, z]| !is_zero(z))
    }

    fn twice(&self, point: &Point) -> Point {
        let [x, y, z] = point.as_ref()?;
        let field = &self.field;
        let double = |number: &Residue| field.add(number, number);
        let y_square = field.square(y);
        let shift = double(&double(&field.multiply(x, &y_square)));
        let x_square = field.square(x);
        let z_fourth = field.square(&field.square(z));
        let slope = field.add(
            &field.add(&double(&x_square), &x_square),
            &field.multiply(&self.a, &z_fourth),
        );
        let new_x = field.subtract(&field.square(&slope), &double(&shift));
        let y_fourth = double(&double(&double(&field.square(&y_square))));
        let new_y = field.subtract(
            &field.multiply(&slope, &field.subtract(&shift, &new_x)),
            &y_fourth,
        );
        let new_z = double(&field.multiply(y, z));
        Some([new_x, new_y, new_z])
    }

    fn sum(&self, one: &Point, other: &Point) -> Point {
        let (Some([x1, y1, z1]), Some([x2, y2, z2])) = (one, other) else {
            return one.clone().or_else(|| other.clone());
        };
        let field = &self.field;
        let (z1_square, z2_square) = (field.square(z1), field.square(z2));
        let u1 = field.multiply(x1, &z2_square);
        let u2 = field.multiply(x2, &z1_square);
        let s1 = field.multiply(&field.multiply(y1, &z2_square), z2);
        let s2 = field.multiply(&field.multiply(y2, &z1_square), z1);
        let h = field.subtract(&u2, &u1);
        let r = field.subtract(&s2, &s1);
        if is_zero(&h) {
            return is_zero(&r).then(|| self.twice(one)).flatten();
        }
        let h_square = field.square(&h);
        let h_cube = field.multiply(&h_square, &h);
        let v = field.multiply(&u1, &h_square);
        let new_x = field.subtract(
            &field.subtract(&field.square(&r), &h_cube),
            &field.add(&v, &v),
        );
        let new_y = field.subtract(
            &field.multiply(&r, &field.subtract(&v, &new_x)),
            &field.multiply(&s1, &h_cube),
        );
        let new_z = field.multiply(&field.multiply(z1, z2), &h);
        Some([new_x, new_y, new_z])
    }
}

const CURVES: &[Parameters] = &[
    Parameters {
        id: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1],
        prime: "fffffffffffffffffffffffffffffffeffffffffffffffff",
        a: "fffffffffffffffffffffffffffffffefffffffffffffffc",
        b: "64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1",
        generator: [
            "188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012",
            "07192b95ffc8da78631011ed6b24cdd573f977a11e794811",
        ],
        order: "ffffffffffffffffffffffff99def836146bc9b1b4d22831",
    },
    Parameters {
        id: &[0x2b, 0x81, 4, 0, 0x21],
        prime: "ffffffffffffffffffffffffffffffff000000000000000000000001",
        a: "fffffffffffffffffffffffffffffffefffffffffffffffffffffffe",
        b: "b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4",
        generator: [
            "b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21",
            "bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
        ],
        order: "ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d",
    },
    Parameters {
        id: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        prime: "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        a: "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
        b: "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        generator: [
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        ],
        order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    },
    Parameters {
        id: &[0x2b, 0x81, 4, 0, 0x22],
        prime: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
        a: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc",
        b: "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
        generator: [
            "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
            "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
        ],
        order: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    },
    Parameters {
        id: &[0x2b, 0x81, 4, 0, 0x23],
        prime: "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        a: "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc",
        b: "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
        generator: [
            "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
            "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
        ],
        order: "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    },
    Parameters {
        id: &[0x2b, 0x81, 4, 0, 0xa],
        prime: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
        a: "0000000000000000000000000000000000000000000000000000000000000000",
        b: "0000000000000000000000000000000000000000000000000000000000000007",
        generator: [
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
        ],
        order: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    },
    Parameters {
        id: &[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7],
        prime: "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
        a: "7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
        b: "26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
        generator: [
            "8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262",
            "547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
        ],
        order: "a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7",
    },
    Parameters {
        id: &[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 0xb],
        prime: "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53",
        a: "7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826",
        b: "04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11",
        generator: [
            "1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e",
            "8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c5315",
        ],
        order: "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565",
    },
    Parameters {
        id: &[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 0xd],
        prime: "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
        a: "7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
        b: "3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
        generator: [
            "81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f822",
            "7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad80892",
        ],
        order: "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069",
    },
];
