// Asks Java about the corpus, which scripts/trust-verdicts hands over in lines:
// chain NAME HOST PORT ROOT,ROOT… and bundle NAME DATA, in base64. A bundle is opened as javax.net.ssl
// opens a trust store, which has no other form than those of KeyStore.
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

class Asks {
    public static void main(String[] arguments) throws Exception {
        System.out.println("version\t-\t" + System.getProperty("java.version"));
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] words = line.split("\t", -1);
            String answer = words[0].equals("chain")
                    ? chain(words[2], Integer.parseInt(words[3]), words[4])
                    : bundle(words[2]);
            System.out.println(words[0] + "\t" + words[1] + "\t" + answer);
        }
    }

    static String chain(String host, int port, String roots) {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            int number = 0;
            for (String root : roots.isEmpty() ? new String[0] : roots.split(",")) {
                byte[] der = Base64.getDecoder().decode(root);
                store.setCertificateEntry(
                        "root" + number++,
                        factory.generateCertificate(new ByteArrayInputStream(der)));
            }
            TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
            managers.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, managers.getTrustManagers(), null);
            try (java.net.Socket plain = new java.net.Socket("127.0.0.1", port);
                    SSLSocket socket =
                            (SSLSocket)
                                    context.getSocketFactory().createSocket(plain, host, port, true)) {
                socket.setSoTimeout(10000);
                SSLParameters parameters = socket.getSSLParameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(parameters);
                socket.startHandshake();
            }
            return "accepted";
        } catch (Exception error) {
            return "refused: " + said(error);
        }
    }

    static String bundle(String data) {
        byte[] bytes = Base64.getDecoder().decode(data);
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(new ByteArrayInputStream(bytes), null);
            return "" + store.size();
        } catch (Exception error) {
            return "0: " + said(error);
        }
    }

    static String said(Exception error) {
        String text = error.getMessage() == null ? error.toString() : error.getMessage();
        return text.strip().split("\n")[0].replace("\t", " ");
    }
}
