package blobtest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ringfence/internal/base/freeport"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
)

// tool finds what scripts/install-test-peers put into .tools. Without it the
// test fails: a suite that skips its peers proves nothing about them.
func tool(t testing.TB, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	full := filepath.Join(dir, ".tools", path)
	if _, err := os.Stat(full); err != nil {
		t.Fatalf("%s is missing: run make test-peers", full)
	}
	return full
}

// start runs a peer that dies with the test, and with the test's process if
// that is killed.
func start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// The account that Azurite always has; it is in its documentation.
const (
	azuriteAccount = "devstoreaccount1"
	azuriteKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// Azurite starts Azurite on loopback and gives a maker of empty containers.
func Azurite(t testing.TB) func(t testing.TB) blob.Config {
	t.Helper()
	main := tool(t, "azurite/node_modules/azurite/dist/src/blob/main.js")
	cmd := exec.Command("node", main, "--blobHost", "127.0.0.1", "--blobPort", "0",
		"--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	start(t, cmd)
	base := listening(t, out)
	made := 0
	return func(t testing.TB) blob.Config {
		made++
		url := fmt.Sprintf("%s/%s/container-%d", base, azuriteAccount, made)
		cred, err := container.NewSharedKeyCredential(azuriteAccount, azuriteKey)
		if err != nil {
			t.Fatal(err)
		}
		client, err := container.NewClientWithSharedKeyCredential(url, cred, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Create(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		return blob.Config{Azure: &blob.Azure{Container: url, Account: azuriteAccount, Key: secret.NewText(azuriteKey)}}
	}
}

// listening reads what Azurite says until it names its address.
func listening(t testing.TB, out io.Reader) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, url, ok := strings.Cut(lines.Text(), "successfully listens on "); ok {
				found <- strings.TrimSpace(url)
			}
		}
		close(found)
	}()
	select {
	case url, ok := <-found:
		if !ok {
			t.Fatal("Azurite ended without listening")
		}
		return url
	case <-time.After(60 * time.Second):
		t.Fatal("Azurite does not listen after a minute")
	}
	return ""
}

// Versity starts versitygw on loopback, over a folder, and gives a maker of
// empty buckets.
func Versity(t testing.TB) func(t testing.TB) blob.Config {
	t.Helper()
	const access, region = "ringfence-test", "eu-test-1"
	key := secret.NewText(strings.Repeat("not-secret-", 3))
	addr := freeport.Address(t)
	cmd := exec.Command(tool(t, "bin/versitygw"), "--access", access, "--secret", key.Reveal(),
		"--port", addr, "--region", region, "--quiet", "posix", t.TempDir())
	cmd.Stderr = os.Stderr
	start(t, cmd)
	answers(t, addr)
	made := 0
	return func(t testing.TB) blob.Config {
		made++
		cfg := blob.S3{Endpoint: "http://" + addr, Region: region, Bucket: fmt.Sprintf("bucket-%d", made), AccessKey: access, SecretKey: key}
		client := s3.New(s3.Options{
			Region: region, BaseEndpoint: &cfg.Endpoint, UsePathStyle: true,
			Credentials: aws.CredentialsProvider(credentials.NewStaticCredentialsProvider(access, key.Reveal(), "")),
		})
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &cfg.Bucket}); err != nil {
			t.Fatal(err)
		}
		return blob.Config{S3: &cfg}
	}
}

// answers waits until a server answers anything over HTTP.
func answers(t testing.TB, addr string) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		r, err := http.Get("http://" + addr + "/")
		if err == nil {
			r.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not answer after a minute", addr)
}
