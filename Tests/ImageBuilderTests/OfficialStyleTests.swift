import OCI
import Testing

@testable import ImageBuilder

/// Dockerfiles as the official images write them: parsed, checked and planned, nothing fetched.
@Suite struct OfficialStyleTests {
    private static let bases = [
        "debian:bookworm-slim", "alpine:3.20", "ubuntu:24.04", "buildpack-deps:bookworm", "busybox:1.36", "base:1",
    ]

    /// Each makes one Dockerfile of a base and a number.
    private static let styles: [@Sendable (String, Int) -> String] = [
        { base, n in
            """
            #
            # NOTE: THIS DOCKERFILE IS GENERATED VIA "apply-templates.sh"
            #
            FROM \(base)
            ENV PATH=/usr/local/bin:$PATH
            ENV LANG=C.UTF-8
            # runtime dependencies
            RUN set -eux; \\
            \tapt-get update; \\
            \tapt-get install -y --no-install-recommends \\
            \t\tca-certificates \\
            # a comment between
            \t\tnetbase \\
            \t; \\
            \trm -rf /var/lib/apt/lists/*
            ENV GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305
            ENV THING_VERSION=3.\(n).1
            RUN set -eux; \\
            \tsavedAptMark="$(apt-mark showmanual)"; \\
            \tnproc="$(nproc)"; \\
            \twget -O thing.tar.xz "https://example.org/${THING_VERSION%%[a-z]*}/Thing-$THING_VERSION.tar.xz"; \\
            \tcase "$(dpkg --print-architecture)" in amd64) a=x86_64 ;; *) echo >&2 "no"; exit 1 ;; esac; \\
            \tfind /usr/local -depth \\( \\( -type d -a \\( -name test \\) \\) -o \\( -type f -name '*.pyc' \\) \\) -exec rm -rf '{}' + ;
            CMD ["thing\(n)"]
            """
        },
        { base, n in
            """
            FROM \(base) AS build
            ARG TARGETARCH TARGETOS=linux
            WORKDIR /src
            COPY go.mod go.sum ./
            RUN --mount=type=cache,target=/root/.cache/go-build --mount=type=cache,target=/go/pkg/mod go mod download
            COPY . .
            RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=${TARGETARCH:-amd64} go build -ldflags="-s -w -X main.v=\(n)" -o /out/app .
            FROM scratch AS final
            COPY --from=build --chown=65532:65532 --chmod=0555 /out/app /app
            USER 65532:65532
            EXPOSE 80\(n % 10)0/tcp
            ENTRYPOINT ["/app"]
            """
        },
        { base, n in
            """
            ARG VERSION=\(n)
            ARG BASE=\(base)
            FROM ${BASE} AS base
            ENV NODE_VERSION=2\(n % 10).1.0 YARN_VERSION="1.22.\(n)"
            RUN addgroup -g 1000 node \\
                && adduser -u 1000 -G node -s /bin/sh -D node \\
                && for key in \\
                  4ED778F539E3634C779C87C6D7062848A1AB005C \\
                  141F07595B7B3FFE74309A937405533BE57C7D57 \\
                ; do gpg --batch --keyserver hkps://keys.openpgp.org --recv-keys "$key" || exit 1; done \\
                && ln -s /usr/local/bin/node /usr/local/bin/nodejs
            COPY docker-entrypoint.sh /usr/local/bin/
            ENTRYPOINT ["docker-entrypoint.sh"]
            FROM base
            ARG VERSION
            LABEL org.opencontainers.image.version="${VERSION}" maintainer='Somebody <a@b.c>'
            CMD [ "node" ]
            """
        },
        { base, n in
            """
            FROM \(base)
            RUN groupadd -r db --gid=99\(n % 10) && useradd -r -g db --uid=999 --home-dir=/var/lib/db --shell=/bin/bash db
            ENV PGDATA /var/lib/db/data
            RUN install --verbose --directory --owner db --group db --mode 3777 /var/run/db
            RUN mkdir -p "$PGDATA" && chown -R db:db "$PGDATA" && chmod 1777 "$PGDATA"
            VOLUME /var/lib/db/data
            COPY docker-entrypoint.sh docker-ensure-initdb.sh /usr/local/bin/
            RUN ln -sT docker-ensure-initdb.sh /usr/local/bin/docker-enforce-initdb.sh
            ENTRYPOINT ["docker-entrypoint.sh"]
            STOPSIGNAL SIGINT
            EXPOSE 5432
            HEALTHCHECK --interval=30s --timeout=5s --start-period=1m --retries=\(n % 9 + 1) CMD pg_isready -U "$POSTGRES_USER" || exit 1
            CMD ["postgres"]
            """
        },
        { base, n in
            """
            # syntax=docker/dockerfile:1
            # escape=\\
            FROM --platform=$BUILDPLATFORM \(base) AS tools
            RUN <<EOT
            set -eux
            echo "tools \(n)" > /etc/tools
            EOT
            FROM \(base)
            SHELL ["/bin/bash", "-o", "pipefail", "-c"]
            ENV JAVA_HOME=/opt/java/openjdk
            ENV PATH="${JAVA_HOME}/bin:${PATH}" LC_ALL='en_US.UTF-8'
            COPY --from=tools /etc/tools /etc/
            COPY <<-"EOT" /usr/local/etc/app.conf
            \tlisten=\(n)
            \thome=$HOME
            \tEOT
            RUN --mount=type=bind,from=tools,target=/mnt --mount=type=tmpfs,target=/scratch cat /mnt/etc/tools | sha256sum
            WORKDIR $JAVA_HOME
            CMD ["java", "-jar", "/app.jar"]
            """
        },
        { base, n in
            """
            FROM \(base)
            LABEL maintainer="NGINX Docker Maintainers <docker-maint@example.org>"
            ENV NGINX_VERSION   1.2\(n % 10).0
            ENV PKG_RELEASE     \(n)~bookworm
            RUN set -x \\
            # create user/group first
                && groupadd --system --gid 101 nginx \\
                && nginxPackages=" \\
                    nginx=${NGINX_VERSION}-${PKG_RELEASE} \\
                    nginx-module-njs=${NGINX_VERSION}+0.8.0-${PKG_RELEASE} \\
                " \\
                && ln -sf /dev/stdout /var/log/nginx/access.log
            COPY docker-entrypoint.sh /
            COPY ["10-listen.sh", "15 with space.sh", "/docker-entrypoint.d/"]
            ONBUILD COPY . /usr/share/nginx/html
            ONBUILD RUN chmod -R a+rX /usr/share/nginx/html
            EXPOSE 80 443/tcp 443/udp
            STOPSIGNAL SIGQUIT
            CMD ["nginx", "-g", "daemon off;"]
            """
        },
        { base, n in
            """
            from \(base) as builder
            arg RUST_VERSION="1.8\(n % 10).0"
            env RUSTUP_HOME=/usr/local/rustup \\
                CARGO_HOME=/usr/local/cargo \\
                PATH=/usr/local/cargo/bin:$PATH
            workdir /build
            add src.tar.gz .
            run --mount=type=secret,id=token,target=/run/token,required=true --network=none cargo build --release ${RUST_VERSION:+--offline}
            from \(base)
            copy --link --from=builder /build/target/release/app /usr/bin/
            cmd exec app
            """
        },
        { base, n in
            """
            FROM scratch
            ADD rootfs-\(n).tar.xz /
            COPY --parents a/./b/*.conf c/d /etc/
            COPY --exclude=**/*.md --exclude=!README.md docs /usr/share/doc
            ENV A=${A:-a} B="${A}b" C=${B#a} D=${B/a/x} E=${B//b/} F=${B%b}
            USER nobody
            CMD ["bash"]
            """
        },
    ]

    static let all: [String] = bases.flatMap { base in
        (0..<(styles.count * 3)).map { styles[$0 % styles.count](base, $0) }
    }

    @Test func plansMoreThanAHundred() throws {
        #expect(Self.all.count >= 100)
        for text in Self.all {
            let file = try Dockerfile(parsing: Array(text.utf8))
            let plan = try Planner.plan(file, BuildRequest(), images: FakeImages())
            let target = plan.stages[plan.target]
            #expect(plan.stages.contains { !$0.steps.isEmpty })
            #expect(target.configuration.config.command != nil || target.configuration.config.entrypoint != nil)
            #expect(
                plan.stages.allSatisfy { stage in
                    stage.configuration.history.allSatisfy { $0.createdBy?.isEmpty == false }
                })
            // Planning is a function: the same again, and every message of a check has its line.
            #expect(
                try Planner.plan(file, BuildRequest(), images: FakeImages()).stages.map(\.steps)
                    == plan.stages.map(\.steps))
            #expect(plan.findings.allSatisfy { $0.range.firstLine >= 1 })
        }
    }

    @Test func refusesEachWhenItIsCut() {
        // Any beginning of a file either works or is refused with a sentence; nothing hangs or crashes.
        for text in Self.all.prefix(8) {
            let bytes = Array(text.utf8)
            for length in stride(from: 0, to: bytes.count, by: 7) {
                if let error = refusal(String(decoding: bytes[..<length], as: UTF8.self)) {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }
}
