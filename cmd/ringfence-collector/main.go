// Command ringfence-collector is the part of Ringfence that runs beside a
// telephone system, and nothing else: what "ringfence collect" does, in a
// smaller program. It is what a server offers as a release to its boxes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"ringfence/internal/archive/field"
	"ringfence/internal/base/release"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "collect" { // as the whole program is called
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "version" {
		fmt.Println(release.String())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks twice does not want to wait
	code := field.Command(ctx, args, field.Process{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	stop()
	os.Exit(code)
}
