package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What can stand left of {@code =} or {@code in}. */
sealed interface Target {

    void assign(@Nullable Object value, Frame frame);

    record Variable(String name) implements Target {
        @Override
        public void assign(@Nullable Object value, Frame frame) {
            frame.scope().set(name, value);
        }
    }

    /** {@code ns.name}, for namespaces only. */
    record NamespaceAttribute(String namespace, String name) implements Target {
        @Override
        public void assign(@Nullable Object value, Frame frame) {
            if (!(frame.scope().get(namespace) instanceof Namespace holder)) {
                throw new TemplateException(
                        "cannot set '" + namespace + "." + name + "': '" + namespace + "' is not a namespace() object");
            }
            holder.attributes().put(name, value);
        }
    }

    record Unpacked(List<Target> targets) implements Target {
        @Override
        public void assign(@Nullable Object value, Frame frame) {
            if (!Values.isIterable(value)) {
                throw new TemplateException(
                        Values.typeName(value) + " cannot be unpacked into " + targets.size() + " names");
            }
            List<@Nullable Object> items = new ArrayList<>();
            for (Iterator<@Nullable Object> all = Values.iterator(value, frame.budget());
                    all.hasNext() && items.size() <= targets.size(); ) {
                items.add(all.next());
            }
            if (items.size() != targets.size()) {
                throw new TemplateException("unpacking needs " + targets.size() + " values, there are "
                        + (items.size() > targets.size() ? "more" : "only " + items.size()));
            }
            for (int i = 0; i < items.size(); i++) {
                targets.get(i).assign(items.get(i), frame);
            }
        }
    }
}
