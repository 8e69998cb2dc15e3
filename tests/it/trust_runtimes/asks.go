// Serves the chains of a corpus over TLS, each at a port of its own, byte by byte as they are; and
// asks Go about them and about the bundles.
package main

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"time"
)

type corpus struct {
	Keys         map[string]string
	Certificates map[string]string
	Chains       []chain
	Bundles      []struct{ Name, Data string }
}

type chain struct {
	Name, Host, Key string
	Chain, Roots    []string
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func bytes(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	check(err)
	return data
}

func main() {
	data, err := os.ReadFile(os.Args[2])
	check(err)
	var asked corpus
	check(json.Unmarshal(data, &asked))
	if os.Args[1] == "serve" {
		serve(asked)
	} else {
		ask(asked, os.Args[3])
	}
}

// Prints the ports by name, and ends with standard input.
func serve(asked corpus) {
	ports := map[string]int{}
	for _, one := range asked.Chains {
		certificate := tls.Certificate{}
		for _, name := range one.Chain {
			certificate.Certificate = append(certificate.Certificate, bytes(asked.Certificates[name]))
		}
		key, err := x509.ParsePKCS8PrivateKey(bytes(asked.Keys[one.Key]))
		check(err)
		certificate.PrivateKey = key.(crypto.PrivateKey)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		ports[one.Name] = listener.Addr().(*net.TCPAddr).Port
		config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				go func() {
					defer connection.Close()
					connection.SetDeadline(time.Now().Add(20 * time.Second))
					secure := tls.Server(connection, config)
					if secure.Handshake() == nil {
						secure.Write([]byte("ok\n"))
						io.Copy(io.Discard, secure)
					}
				}()
			}
		}()
	}
	check(json.NewEncoder(os.Stdout).Encode(ports))
	io.Copy(io.Discard, os.Stdin)
}

func ask(asked corpus, portsFile string) {
	data, err := os.ReadFile(portsFile)
	check(err)
	var ports map[string]int
	check(json.Unmarshal(data, &ports))
	chains, bundles := map[string]string{}, map[string]string{}
	for _, one := range asked.Chains {
		pool := x509.NewCertPool()
		for _, name := range one.Roots {
			block := pem.Block{Type: "CERTIFICATE", Bytes: bytes(asked.Certificates[name])}
			pool.AppendCertsFromPEM(pem.EncodeToMemory(&block))
		}
		chains[one.Name] = "accepted"
		address := fmt.Sprintf("127.0.0.1:%d", ports[one.Name])
		connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: one.Host})
		if err == nil {
			connection.Close()
		} else {
			chains[one.Name] = "refused: " + err.Error()
		}
	}
	for _, one := range asked.Bundles {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(bytes(one.Data))
		bundles[one.Name] = fmt.Sprint(len(pool.Subjects()))
	}
	version := strings.TrimPrefix(runtime.Version(), "go")
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"version": version, "chains": chains, "bundles": bundles,
	}))
}
