package io.sliminfer.samples.rag.web;

import java.net.InetSocketAddress;
import java.util.Locale;
import java.util.Set;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/**
 * Keeps documents on this machine. The page may load nothing from elsewhere and run nothing that is not a file of its own, so that a
 * document's text cannot become code. While the server listens on loopback, requests must name it as such: a site whose name was
 * made to point at 127.0.0.1 is refused.
 */
@Component
class PageFilter implements WebFilter {

    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
                    + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]", "::1");

    private final boolean loopbackOnly;

    PageFilter(@Value("${server.address:}") String address) {
        this.loopbackOnly = LOOPBACK.contains(address);
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        InetSocketAddress host = exchange.getRequest().getHeaders().getHost();
        if (loopbackOnly
                && (host == null || !LOOPBACK.contains(host.getHostString().toLowerCase(Locale.ROOT)))) {
            return Mono.error(new ResponseStatusException(
                    HttpStatus.MISDIRECTED_REQUEST, "this page is served as localhost or 127.0.0.1 only"));
        }
        HttpHeaders headers = exchange.getResponse().getHeaders();
        headers.set("Content-Security-Policy", POLICY);
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Referrer-Policy", "no-referrer");
        headers.set("Cross-Origin-Resource-Policy", "same-origin");
        return chain.filter(exchange);
    }
}
