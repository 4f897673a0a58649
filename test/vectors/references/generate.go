// SPDX-License-Identifier: Apache-2.0

// Prints what distribution/reference, the parser of the kubelet, makes of many references, as JSON.
// See generate.sh.
package main

import (
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/json"
	"os"
	"strings"

	"github.com/distribution/reference"
)

type expectation struct {
	Input  string `json:"input"`
	Error  string `json:"error,omitempty"`
	Domain string `json:"domain,omitempty"`
	Path   string `json:"path,omitempty"`
	Tag    string `json:"tag,omitempty"`
	Digest string `json:"digest,omitempty"`
}

const hex64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func main() {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	separator := "[\n"
	seen := map[string]bool{}
	for _, input := range inputs() {
		if seen[input] {
			continue
		}
		seen[input] = true
		os.Stdout.WriteString(separator)
		separator = ","
		if err := encoder.Encode(expect(input)); err != nil {
			panic(err)
		}
	}
	os.Stdout.WriteString("]\n")
}

func expect(input string) expectation {
	named, err := reference.ParseNormalizedNamed(input)
	if err != nil {
		return expectation{Input: input, Error: err.Error()}
	}
	result := expectation{Input: input, Domain: reference.Domain(named), Path: reference.Path(named)}
	if tagged, ok := named.(reference.Tagged); ok {
		result.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		result.Digest = digested.Digest().String()
	}
	// As k8s.io/kubernetes/pkg/util/parsers.ParseImageName does.
	if result.Tag == "" && result.Digest == "" {
		result.Tag = "latest"
	}
	return result
}

func inputs() []string {
	hosts := []string{
		"", "docker.io/", "index.docker.io/", "registry-1.docker.io/", "localhost/", "localhost:5000/", "Localhost/",
		"registry.example.com/", "registry.example.com:443/", "Registry.Example.com/", "UPPER/", "UPPER:80/", "Docker.io/",
		"127.0.0.1:5000/", "[::1]/", "[::1]:5000/", "[2001:DB8::1]:5000/", "[fe80::1%eth0]:80/", "[]/", "[::1/", "::1/",
		"a_b.example.com/", "-a.example.com/", "a-.example.com/", "a..example.com/", ".example.com/", "example.com./",
		"example.com:/", "example.com:port/", "example.com:80:80/", "xn--80ak6aa92e.com/", "ex\u0430mple.com/", "\u212areg.io/",
		"a--b.io/", "a.b-c.d:1/", "user@example.com/", "user:pass@example.com/", "https://example.com/", "//", "/",
	}
	paths := []string{
		"nginx", "acme/app", "a/b/c/d", "library/nginx", "a.b/c_d/e__f/g---h", "", "a//b", "a/", "/a", "a..b", "a.-b", "a___b",
		"a_-b", "-a", "a-", "_a", "a_", ".a", "a.", "A", "a/B", "a/../b", "a/./b", "*", "a b", "a\tb", "a\n", "a\u00e9",
		"0", "00/00", "a:b/c", "a%2fb", "a+b", "a~b", "a\\b",
	}
	suffixes := []string{
		"", ":latest", ":1.2", ":_x", ":A-b_c.D", ":", ":-x", ":.x", ":a:b", ":a/b", ": a", ":a ", ":\u00e9",
		"@sha256:" + hex64, ":1.2@sha256:" + hex64, "@sha256:" + strings.ToUpper(hex64), "@sha256:" + hex64[1:], "@sha256:" + hex64 + "0",
		"@sha512:" + hex64 + hex64, "@sha384:" + hex64 + hex64[:32], "@md5:" + hex64[:32], "@sha256", "@sha256:", "@", "@@", "@sha256:" + hex64 + "@sha256:" + hex64,
		"@SHA256:" + hex64, "@sha256+b64:" + hex64, "@sha256:" + hex64 + ":tag", "@sha256:" + hex64 + "/x", "@blake3:" + hex64, " ", "\n",
	}
	result := []string{
		"", " nginx", "nginx ", hex64, hex64 + ":tag", "docker.io/" + hex64, "a/" + hex64, strings.ToUpper(hex64), hex64[1:], hex64 + "0",
		"localhost", "localhost:5000", "example.com", "example.com:5000", "docker.io", "[::1]", "[::1]:5000",
		":tag", "@sha256:" + hex64, "a:" + strings.Repeat("t", 128), "a:" + strings.Repeat("t", 129),
		strings.Repeat("a", 255), strings.Repeat("a", 247), strings.Repeat("a", 248), "x.io/" + strings.Repeat("a", 255), "x.io/" + strings.Repeat("a", 256),
		"x.io/" + strings.Repeat("a/", 127) + "a", "x.io/" + strings.Repeat("a/", 128) + "a",
	}
	some := []string{"", ":1.2", ":", "@sha256:" + hex64, ":1.2@sha256:" + hex64, "@sha512:" + hex64 + hex64}
	for _, host := range hosts {
		result = append(result, host, host+"nginx", host+"a/../b", host+"a/B")
		for _, suffix := range some {
			result = append(result, host+"acme/app"+suffix)
		}
	}
	for _, path := range paths {
		for _, suffix := range some {
			result = append(result, path+suffix, "registry.example.com/"+path+suffix)
		}
	}
	for _, suffix := range suffixes {
		result = append(result, "nginx"+suffix, "acme/app"+suffix, "registry.example.com:5000/acme/app"+suffix)
	}
	return result
}
